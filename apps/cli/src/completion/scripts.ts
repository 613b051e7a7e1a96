/** The hidden command that the scripts ask for the next words. */
const COMPLETE_COMMAND = '__complete';

/** Bash ends a word at a colon, so the part of the candidates up to the last colon is removed. */
const BASH = `# Completion of shoal for bash: shoal completion bash > ~/.local/share/bash-completion/completions/shoal
_shoal() {
  local words line current prefix found IFS=$' \\t\\n'
  line="\${COMP_LINE:0:COMP_POINT}"
  read -r -a words <<< "$line"
  if [[ $line == *[[:space:]] ]]; then words+=(''); fi
  current="\${words[\${#words[@]}-1]}"
  prefix=''
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then prefix="\${current%"\${current##*:}"}"; fi
  COMPREPLY=()
  while IFS=$'\\t' read -r found _; do
    COMPREPLY+=("\${found#"$prefix"}")
  done < <("\${words[0]}" ${COMPLETE_COMMAND} -- "\${words[@]:1}" 2> /dev/null)
}
complete -o default -F _shoal shoal
`;

const ZSH = `#compdef shoal
# Completion of shoal for zsh: shoal completion zsh > a folder of $fpath/_shoal
_shoal() {
  local -a found
  local line word tab=$'\\t'
  for line in "\${(@f)$("\${words[1]}" ${COMPLETE_COMMAND} -- "\${(@)words[2,CURRENT]}" 2> /dev/null)}"; do
    word="\${line%%$tab*}"
    if [[ -n $word ]]; then found+=("\${word//:/\\\\:}:\${line#*$tab}"); fi
  done
  if (( \${#found} )); then _describe shoal found; else _files; fi
}
if [[ \${funcstack[1]} == _shoal ]]; then _shoal "$@"; else compdef _shoal shoal; fi
`;

const FISH = `# Completion of shoal for fish: shoal completion fish > ~/.config/fish/completions/shoal.fish
function __shoal_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found ($words[1] ${COMPLETE_COMMAND} -- $words[2..-1] 2> /dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c shoal -f -a '(__shoal_complete)'
`;

/** The completion scripts by shell. */
export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
