#compdef gdcli
# Completion of gdcli in zsh 5 or later. In ~/.zshrc, below compinit: source <(gdcli completion zsh)
_gdcli() {
    local -a answer shown suffix
    local line value
    answer=("${(@f)$(_GDCLI_COMPLETE=zsh "${words[1]/#\~/$HOME}" "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    [[ -n ${answer[1]} ]] || return 1
    compset -p ${answer[1]#* }
    case ${answer[1]%% *} in
        files) _files ;;
        folders) _files -/ ;;
        open | words)
            for line in "${(@)answer[2,-1]}"; do
                value=${line%%$'\t'*}
                shown+=("${value//:/\\:}:${line#*$'\t'}")
            done
            [[ ${answer[1]} == open* ]] && suffix=(-S '')
            _describe -V gdcli shown "${suffix[@]}"
            ;;
    esac
}
if [[ ${funcstack[1]} == _gdcli ]]; then
    _gdcli "$@"
else
    compdef _gdcli gdcli
fi
