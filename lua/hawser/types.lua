-- SPDX-License-Identifier: MIT
---@meta hawser.types
-- luacheck: ignore 212 241
-- What the objects of hawser.core are, for LuaLS. Never loaded; spec/types_spec.lua compares
-- it with the live module, so a method that is missing or too many here fails a test.

---@class hawser.Pid an actor's address; == compares, tostring() gives "host:port/id"
---@field address string "host:port"
---@field id string

---@alias hawser.Target hawser.Pid|string a PID, its text, or the id of a local actor

-- What can be sent: nil, booleans, numbers, strings, PIDs, tables of these, and the marks
-- hawser.array{}, hawser.map{}, hawser.bin(s), hawser.ext(type, s), hawser.null.
---@alias hawser.Value any

---@class hawser.SendOptions
---@field type? string the message's type, ctx.type at the other end
---@field sender? hawser.Target who gets answers; in a handler its own actor unless said

---@class hawser.RequestOptions : hawser.SendOptions
---@field timeout? number seconds; the option request_timeout unless said

---@class hawser.SpawnOptions
---@field name? string without "/"
---@field mailbox_size? integer
---@field supervision? "resume"|"restart"|"stop"|"escalate" for a failing handler; "resume"
---@field restart_limit? integer restarts within restart_window; the system's option unless said
---@field restart_window? number seconds; the system's option unless said
---@field reentrant? boolean take messages while a handler waits; each has a ctx of its own then

---@class hawser.AfterOptions
---@field type? string the message's type, ctx.type

---@class hawser.EveryOptions : hawser.AfterOptions
---@field delay? number seconds until the first tick; the period unless said

---@alias hawser.Handler fun(ctx: hawser.Context, message: hawser.Value)

-- A plain function is receive, and gets Terminated as ctx.kind == "terminated" with
-- { pid =, reason = }; a user's message never has that kind.
---@class hawser.Handlers
---@field receive? hawser.Handler
---@field started? fun(ctx: hawser.Context) before the first message, and after a restart
---@field stopped? fun(ctx: hawser.Context) after the last
---@field terminated? fun(ctx: hawser.Context, who: hawser.Pid, reason: string)
---@field dead_letter? fun(ctx: hawser.Context, target: hawser.Pid, reason: string)

-- A handler's view of its actor. The message's fields are nil outside of handlers; methods work as
-- long as the actor lives.
---@class hawser.Context
---@field self hawser.Pid
---@field parent hawser.Pid|nil
---@field system hawser.System
---@field sender hawser.Pid|nil
---@field type string|nil
---@field kind "user"|"terminated"|"dead_letter"|"started"|"stopped"|nil
---@field request_id integer|nil set when the sender waits for an answer
---@field correlation string|nil 24 hex digits, the same at both ends
local Context = {}

-- True, with the throttle level's name while that is not "normal"; or nil, message, code.
---@param target hawser.Target
---@param message hawser.Value
---@param options? hawser.SendOptions
---@return true|nil, string? level_or_message, string? code
function Context:send(target, message, options) end

-- Suspends the handler until the answer comes: it, or `nil, message, code`.
---@param target hawser.Target
---@param message hawser.Value
---@param options? hawser.RequestOptions
---@return hawser.Value, string? message, string? code
function Context:request(target, message, options) end

-- Answers the message; EINVAL when nobody waits for an answer.
---@param message hawser.Value
---@param options? hawser.SendOptions
---@return true|nil, string? message, string? code
function Context:respond(message, options) end

---@param target hawser.Target
---@return true|nil, string? message, string? code
function Context:watch(target) end

---@param target hawser.Target
---@return true|nil, string? message, string? code
function Context:unwatch(target) end

-- Stops this actor after the message it is handling.
---@return true|nil, string? message, string? code
function Context:stop() end

-- Suspends the handler.
---@param seconds number
---@return true|nil, string? message, string? code
function Context:sleep(seconds) end

-- Suspends the handler until the endpoint of an address is connected; it dials nothing itself.
---@param address string
---@param timeout number seconds
---@return true|nil, string? message, string? code
function Context:await_reconnect(address, timeout) end

-- Starts a child, "parent/child", which lives no longer than this actor.
---@param handlers hawser.Handler|hawser.Handlers
---@param options? hawser.SpawnOptions
---@return hawser.Pid|nil, string? message, string? code
function Context:spawn(handlers, options) end

---@param name string without "/"
---@param handlers hawser.Handler|hawser.Handlers
---@param options? hawser.SpawnOptions
---@return hawser.Pid|nil, string? message, string? code
function Context:spawn_named(name, handlers, options) end

---@return hawser.Pid[] # the living children, the oldest first
function Context:children() end

-- Sends this actor the message so many seconds from now.
---@param seconds number
---@param message hawser.Value
---@param options? hawser.AfterOptions
---@return hawser.Timer|nil, string? message, string? code
function Context:after(seconds, message, options) end

-- The same every so many seconds, until it is cancelled, or this actor stops or is restarted.
---@param seconds number at least 0.001
---@param message hawser.Value
---@param options? hawser.EveryOptions
---@return hawser.Timer|nil, string? message, string? code
function Context:every(seconds, message, options) end

---@class hawser.Timer an actor's; dropping it changes nothing
local Timer = {}

---@return boolean # was there something to end?
function Timer:cancel() end

---@class hawser.Handle a subscription, a timer or a request; dropping it changes nothing
local Handle = {}

---@return boolean # was there something to end?
function Handle:cancel() end

---@return boolean # the same, for subscriptions
function Handle:unsubscribe() end

---@class hawser.Events
local Events = {}

-- Calls fn with each event whose type matches: a name, or a glob such as "Endpoint*".
---@param pattern string
---@param fn fun(event: table) fields as hawser.event_types() lists them, and type and time
---@return hawser.Handle
function Events:subscribe(pattern, fn) end

---@class hawser.System
---@field name string
---@field address string as peers use it
---@field uid string 16 hex digits, new at every start
---@field events hawser.Events
local System = {}

-- True, with the throttle level's name while that is not "normal"; or nil, message, code.
---@param target hawser.Target
---@param message hawser.Value
---@param options? hawser.SendOptions
---@return true|nil, string? level_or_message, string? code
function System:send(target, message, options) end

-- Calls fn once, with the answer or `nil, message, code`. A failure known at once is returned.
---@param target hawser.Target
---@param message hawser.Value
---@param options? hawser.RequestOptions may be left out
---@param fn fun(reply: hawser.Value, message?: string, code?: string)
---@return hawser.Handle|nil, string? message, string? code
function System:request(target, message, options, fn) end

-- Answers later, or from elsewhere: what ctx.sender and ctx.request_id were.
---@param to hawser.Target
---@param request_id integer
---@param message hawser.Value
---@param options? hawser.SendOptions
---@return true|nil, string? message, string? code
function System:respond(to, request_id, message, options) end

---@param handlers hawser.Handler|hawser.Handlers
---@param options? hawser.SpawnOptions
---@return hawser.Pid|nil, string? message, string? code
function System:spawn(handlers, options) end

---@param name string
---@param handlers hawser.Handler|hawser.Handlers
---@param options? hawser.SpawnOptions
---@return hawser.Pid|nil, string? message, string? code
function System:spawn_named(name, handlers, options) end

---@param watcher hawser.Target a local actor
---@param target hawser.Target
---@return true|nil, string? message, string? code
function System:watch(watcher, target) end

---@param watcher hawser.Target a local actor
---@param target hawser.Target
---@return true|nil, string? message, string? code
function System:unwatch(watcher, target) end

-- With a PID stops that actor. Without, or with a table, stops the system in order: `deadline` is
-- how many seconds its queues may take to drain.
---@param what? hawser.Target|{ deadline?: number, reason?: string }
---@return true|nil, string? message, string? code
function System:stop(what) end

---@return boolean
function System:is_stopped() end

-- Runs the loop until this system has stopped.
---@return true|nil, string? message, string? code
function System:run() end

---@param seconds number
---@param fn fun()
---@return hawser.Handle|nil, string? message, string? code
function System:after(seconds, fn) end

-- Calls fn every so many seconds, until the handle is cancelled; `delay`: seconds until the first.
---@param seconds number at least 0.001
---@param fn fun()
---@param options? { delay?: number }
---@return hawser.Handle|nil, string? message, string? code
function System:every(seconds, fn, options) end

---@return number # seconds on the system's clock
function System:now() end

---@param text hawser.Target
---@return hawser.Pid|nil, string? message, string? code
function System:pid(text) end

---@return { pid: hawser.Pid, mailbox_size: integer }[]
function System:actors() end

-- Dials an address if there is no link to it; events tell what comes of it.
---@param address string
---@return true|nil, string? message, string? code
function System:associate(address) end

-- Waits until the endpoint of an address is connected; it dials nothing itself. With fn, that hears
-- the end; without, the loop runs until then, which is for the main program.
---@param address string
---@param timeout number seconds
---@param fn? fun(connected: true|nil, message?: string, code?: string)
---@return true|hawser.Handle|nil, string? message, string? code
function System:await_reconnect(address, timeout, fn) end

---@param address string
---@param reason? string
---@return true|nil, string? message, string? code
function System:close_endpoint(address, reason) end

-- Cuts the link as the network would; for tests and operators.
---@param address string
---@return true|nil, string? message, string? code
function System:cut_link(address) end

-- Shuts out the process last heard at an address, until the duration (seconds) is over, release()
-- or another uid comes.
---@param address string
---@param options? { duration?: number, reason?: string }
---@return true|nil, string? message, string? code
function System:quarantine(address, options) end

-- Ends a quarantine, and lets older processes of that address come back.
---@param address string
---@return true|nil, string? message, string? code
function System:release(address) end

-- The block list, by system name.
---@param name string
---@return true|nil, string? message, string? code
function System:block_system(name) end

---@param name string
---@return true|nil, string? message, string? code
function System:unblock_system(name) end

---@return string[]
function System:blocked_systems() end

-- What waits in an endpoint's ring: messages and bytes, and its throttle level.
---@param address string
---@return integer|nil messages, integer|string bytes_or_message, string level_or_code
function System:queue(address) end

---@class hawser.Backpressure
---@field address string
---@field level string
---@field index integer 0 is normal, then the policy's levels in ascending order
---@field queue_size integer messages
---@field queue_capacity integer
---@field queue_bytes integer
---@field queue_bytes_capacity integer

-- Calls fn when the throttle level of an endpoint whose address matches has changed ("*" and "?" as
-- in policies; nothing: all), and soon for the levels that are not normal now.
---@param pattern string|fun(pressure: hawser.Backpressure)
---@param fn? fun(pressure: hawser.Backpressure)
---@return hawser.Handle|nil, string? message, string? code
function System:register_backpressure_listener(pattern, fn) end

-- Of an endpoint, also of one that is closed; without an address, of the system.
---@param address? string
---@return table|nil, string? message, string? code
function System:statistics(address) end

---@return table<string, table> # by address
function System:statistics_snapshot() end

-- Puts another policy in force; if it can't be loaded the one before stays. Nil: the default one;
-- false: the C fallbacks.
---@param what? string|table|false
---@return true|nil, string? message, string? code
function System:set_policy(what) end

-- Reads the file of its policy again, and the modules beside it, asks it the last questions that
-- were really asked, and puts it in force: `true` and how many answers differ. If any of that fails
-- the one before stays, and a PolicyError says why.
---@return true|nil, string message, string? code
function System:reload_policy() end

---@class hawser.Process
local Process = {}

---@param seconds? number
---@return "exited"|"killed"|nil, integer|string|nil code_or_signal, string? code
function Process:wait(seconds) end

---@param signal? integer SIGTERM unless said
---@return boolean # was it running?
function Process:kill(signal) end

---@return integer|nil # its process id, until it was waited for
function Process:id() end

-- Durations are seconds. hawser.options() tells each number's unit, default and range.
---@class hawser.Options
---@field name string 1 to 64 of A-Z a-z 0-9 _ . -
---@field listen? string "host:port" (port 0: any), "unix:/path"; without it the system only dials
---@field blocked? string[] names of systems on the block list from the start
---@field advertise? string the address peers use, when it is not the one bound; needs `listen`
---@field policy? string|table|false a name, a file, a table; false: the C fallbacks
---@field log? string|false|fun(level: string, line: string, name: string) "warning"; "off", false
---@field seed? integer every random choice follows from it
---@field handler_budget? integer instructions a handler may use; 0: any number
---@field endpoint_writer_batch_size? integer messages handed to one write
---@field endpoint_writer_queue_size? integer messages an endpoint's ring holds
---@field endpoint_writer_queue_bytes? integer bytes an endpoint's ring holds
---@field connect_timeout? number from dial to an open connection
---@field handshake_timeout? number from an open connection to WELCOME
---@field max_frame_size? integer the largest frame sent or taken, its 4-byte length not counted
---@field reconnect_max_retries? integer tries before giving up; 0 is without end
---@field reconnect_initial? number the default curve's first delay
---@field reconnect_max? number the default curve's longest delay
---@field reconnect_factor? number the default curve's growth from try to try
---@field reconnect_jitter? number
---@field reconnect_stable_after? number a link this old resets the attempt count
---@field throttle_warning? number the default warning level, of the ring's messages or bytes
---@field throttle_critical? number the default critical level
---@field throttle_hysteresis? number how far below its threshold a level is left
---@field heartbeat_interval? number a link silent this long is asked with a PING
---@field heartbeat_timeout? number a link silent this long is given up
---@field phi_threshold? number a peer whose answer is this phi overdue is suspect
---@field phi_samples? integer answer times that the phi detector remembers
---@field phi_min_deviation? number the least deviation the phi detector assumes
---@field suspect_after? number not 0: suspect after this long without an answer, not by phi
---@field gate_duration? number the least wait after a peer has refused
---@field client_wait? number how long the endpoint of a client waits for it to come back
---@field quarantine_duration? number how long a uid is quarantined
---@field acknowledge_after? number the longest wait before an ACK of its own
---@field acknowledge_bytes? integer bytes taken before an ACK of its own
---@field symbol_table_size? integer strings an association names by number, each way
---@field mailbox_size? integer user messages an actor's mailbox holds
---@field dispatcher_throughput? integer messages an actor handles before the next actor's turn
---@field dispatcher_budget? integer
---@field event_queue_size? integer events that wait for subscribers
---@field request_timeout? number a request's deadline when none is given
---@field pending_requests? integer requests that wait for an answer at one time
---@field actor_timers? integer timers of a system's actors that run at one time
---@field tombstone_duration? number how long a closed endpoint's statistics are kept
---@field tombstones? integer closed endpoints kept at most
---@field endpoints? integer endpoints at most, closed ones included
---@field pending_handshakes? integer inbound connections that have not said who they are, at most
---@field dead_letter_log_rate? integer dead letters logged a second, and refused links
---@field remote_spawn_limit? integer actors of registered kinds that live at one time
---@field restart_limit? integer
---@field restart_window? number the window of restart_limit
---@field shutdown_deadline? number the longest time hws_stop() waits for queues to drain
---@field policy_budget? integer Lua instructions a policy call may use
---@field auto_start? boolean the first send to a remote address dials it; 0
