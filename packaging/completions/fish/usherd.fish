# fish completion for usherd.  Its flags are those that its usage names.

function __usherd_candidates
    set -l words (commandline -opc)
    switch $words[-1]
        case --state-dir --runtime-dir --connector-path --app-path
            __fish_complete_directories (commandline -ct)
        case --config --check-app
            __fish_complete_path (commandline -ct)
        case --log-level
            printf '%s\n' error warning info debug
        case --log-format
            printf '%s\n' text json
        case --listen
        case '*'
            $words[1] --help | string match -ra -- '--[a-z-]+' | sort -u
    end
end

complete -c usherd -f -a '(__usherd_candidates)'
