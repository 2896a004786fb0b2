# Completion of gdcli in fish 3.1 or later. It belongs into ~/.config/fish/completions/gdcli.fish
function __gdcli_complete
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    set -l answer (_GDCLI_COMPLETE=fish $program $words[2..-1] $token 2>/dev/null)
    set -l what (string split ' ' -- $answer[1])
    set -l before (string sub -l "$what[2]" -- $token)
    set -l rest (string sub -s (math "$what[2]" + 1) -- $token)
    switch "$what[1]"
        case files
            printf '%s\n' $before(__fish_complete_path $rest)
        case folders
            printf '%s\n' $before(__fish_complete_directories $rest '')
        case open words
            printf '%s\n' $answer[2..-1]
    end
end
complete -c gdcli -f -a '(__gdcli_complete)'
