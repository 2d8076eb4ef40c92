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

-- What became of a spawn_remote that gave no PID.
---@class hawser.SpawnResult
---@field status "unavailable"|"timeout"|"process_name_already_exists"|"error"|"dead_letter"
---@field retryable boolean may the same call succeed later?
---@field pid hawser.Pid|nil the existing one, with process_name_already_exists

-- Asks the system at an address for an actor of a kind, and suspends the handler until it answers.
---@param address string
---@param kind string
---@param arguments? hawser.Value what the kind's constructor gets
---@param options? { timeout?: number }
---@return hawser.Pid|nil, string? message, string? code, hawser.SpawnResult? result
function Context:spawn_remote(address, kind, arguments, options) end

---@param address string
---@param name string
---@param kind string
---@param arguments? hawser.Value
---@param options? { timeout?: number }
---@return hawser.Pid|nil, string? message, string? code, hawser.SpawnResult? result
function Context:spawn_remote_named(address, name, kind, arguments, options) end

---@class hawser.ProcessQuery
---@field pattern? string every process unless said
---@field match? "part"|"exact"|"regex" "part"
---@field cursor? integer the `next` of the page before
---@field limit? integer processes on a page; 100, at most 1000
---@field timeout? number seconds

-- A page of PIDs; its field `next` is the next page's cursor, nil on the last one.
---@param address? string this system's own unless said
---@param query? hawser.ProcessQuery
---@return table|nil page, string? message, string? code
function Context:list_processes(address, query) end

-- for pid in ctx:processes(address, query): all pages, one after the other. A failure is an error.
---@param address? string
---@param query? hawser.ProcessQuery
---@return fun(): hawser.Pid|nil
function Context:processes(address, query) end

---@class hawser.ProcessDiagnostics
---@field kind string|nil
---@field state "starting"|"idle"|"busy"|"suspended"|"stopping"
---@field mailbox_length integer messages that wait
---@field mailbox_size integer user messages that may wait
---@field handled integer
---@field failures integer
---@field watchers integer
---@field memory integer bytes of its struct and mailbox; not what its handlers hold

---@param pid hawser.Target
---@param options? { timeout?: number }
---@return hawser.ProcessDiagnostics|nil, string? message, string? code
function Context:get_process_diagnostics(pid, options) end

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

-- A kind of actors that other systems may ask for. The constructor returns handlers, and spawn
-- options if it likes, as spawn() takes them; or nil and a sentence. It may not wait.
---@class hawser.Asked
---@field kind string
---@field name string|nil
---@field peer string the asking system's name
---@field address string and address
---@alias hawser.Made hawser.Handler|hawser.Handlers|nil
---@alias hawser.Constructor fun(arguments: hawser.Value, about: hawser.Asked): hawser.Made, any

-- Nobody but this system may ask for it, unless `allow` says who: patterns of system names, and,
-- with a ':' in them, of addresses.
---@param name string 1 to 64 of A-Z a-z 0-9 _ . -
---@param constructor hawser.Constructor
---@param options? { allow?: string[] }
---@return true|nil, string? message, string? code
function System:register_kind(name, constructor, options) end

-- No more actors of it are made; those that live go on.
---@param name string
---@return true|nil, string? message, string? code
function System:unregister_kind(name) end

-- Who may ask for a kind: these, instead of those before.
---@param name string
---@param patterns string[]
---@return true|nil, string? message, string? code
function System:allow_kind(name, patterns) end

-- Who may list processes and read their diagnostics: these, instead of those before.
---@param patterns string[]
---@return true|nil, string? message, string? code
function System:allow_diagnostics(patterns) end

---@return table<string, integer> # by kind, how many actors of it live
function System:kinds() end

-- As ctx:spawn_remote(), outside of handlers: fn is called once with what that returns.
---@param address string
---@param kind string
---@param arguments? hawser.Value
---@param options? { timeout?: number }
---@param fn fun(pid: hawser.Pid|nil, message?: string, code?: string, result?: hawser.SpawnResult)
---@return hawser.Handle|nil, string? message, string? code, hawser.SpawnResult? result
function System:spawn_remote(address, kind, arguments, options, fn) end

---@param address string
---@param name string
---@param kind string
---@param arguments? hawser.Value
---@param options? { timeout?: number }
---@param fn fun(pid: hawser.Pid|nil, message?: string, code?: string, result?: hawser.SpawnResult)
---@return hawser.Handle|nil, string? message, string? code, hawser.SpawnResult? result
function System:spawn_remote_named(address, name, kind, arguments, options, fn) end

---@param address? string
---@param query? hawser.ProcessQuery
---@param fn fun(page: table|nil, message?: string, code?: string)
---@return hawser.Handle|nil, string? message, string? code
function System:list_processes(address, query, fn) end

---@param pid hawser.Target
---@param options? { timeout?: number }
---@param fn fun(diagnostics: hawser.ProcessDiagnostics|nil, message?: string, code?: string)
---@return hawser.Handle|nil, string? message, string? code
function System:get_process_diagnostics(pid, options, fn) end

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
function System:list_blocked_systems() end

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

-- Of an endpoint, also of one that is closed; without an address, of the system (hawser.Totals).
---@param address? string
---@return hawser.Statistics|hawser.Totals|nil, string? message, string? code
function System:statistics(address) end

---@return table<string, hawser.Statistics> # by address
function System:statistics_snapshot() end

-- Every link, also those that are opening or closing.
---@return hawser.Connection[]
function System:connections_snapshot() end

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

-- What hawser.open_console(path) gives.
---@class hawser.Console
---@field path string
local Console = {}

---@return boolean # is anybody attached?
function Console:is_attached() end

-- Who is attached is told the reason, and the socket goes. Idempotent.
---@param reason? string
function Console:close(reason) end

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
