# Completion of gdcli in bash 4.4 or later. In ~/.bashrc: source <(gdcli completion bash)
_gdcli() {
    local answer
    COMPREPLY=()
    answer=$(_GDCLI_COMPLETE=bash _GDCLI_LINE="${COMP_LINE:0:COMP_POINT}" _GDCLI_WORD="$2" \
        "${1/#\~/$HOME}" 2>/dev/null) || return 0
    case ${answer%% *} in
        files)
            if [[ $2 == @* ]]; then # readline would complete the name of a host
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -P @ -f -- "${2#@}")
            else
                compopt -o default
            fi
            ;;
        folders) compopt -o dirnames ;;
        open) compopt -o nospace ;&
        words) [[ $answer == *$'\n'* ]] && mapfile -t COMPREPLY <<<"${answer#*$'\n'}" ;;
    esac
    return 0
}
complete -F _gdcli gdcli
