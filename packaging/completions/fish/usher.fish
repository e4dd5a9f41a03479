# fish completion for usher.  What there is to complete, the program says.

function __usher_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] --complete $words[2..-1] "$current" 2>/dev/null)
        if string match -q \t'*' -- $line
            set -l before (string sub -s 2 -- $line)
            set -l typed (string sub -s (math (string length -- $before) + 1) -- $current)
            for file in (__fish_complete_path $typed)
                echo -- $before$file
            end
        else
            echo -- $line
        end
    end
end

complete -c usher -f -a '(__usher_candidates)'
