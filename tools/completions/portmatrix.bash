# SPDX-License-Identifier: Apache-2.0
# Completion of portmatrix for bash. What there is to complete comes from the program itself (`portmatrix help`), so it is that of the
# version that is installed; nodes come from the policy files on the line, interfaces and matrices from what is in force.

# Commands, or the flags of one.
_portmatrix_commands() { "$1" help 2>/dev/null | sed -n 's/^  \([a-z]*\)  .*/\1/p'; }
_portmatrix_flags() { "$1" help "$2" 2>/dev/null | sed -n 's/^  \(--[a-z_]*\) \(VALUE\)\{0,1\}.*/\1 \2/p'; }

# The nodes that the files and directories on the line define.
_portmatrix_nodes() {
  local word
  for word in "${@//,/ }"; do
    for word in $word; do
      word=${word#--policy=}
      if [[ -d $word ]]; then
        find -L "$word" -name '*.yaml' -exec sed -n 's/^node: *\([a-z0-9_-]*\).*/\1/p' {} + 2>/dev/null
      elif [[ -f $word ]]; then
        sed -n 's/^node: *\([a-z0-9_-]*\).*/\1/p' "$word" 2>/dev/null
      fi
    done
  done | sort -u
}

# The interfaces that are in force, where the pins may be read, and those of the files on the line.
_portmatrix_interfaces() {
  local program=$1
  shift
  "$program" --json counters 2>/dev/null | grep -o '"interface":"[^"]*"' | cut -d '"' -f 4 | sort -u
  local node
  for node in $(_portmatrix_nodes "$@"); do
    "$program" --json show $(_portmatrix_paths "$@") --node "$node" 2>/dev/null | grep -o '"interface": *"[^"]*"' | cut -d '"' -f 4 | sort -u
  done
}

_portmatrix_paths() {
  local word
  for word in "${@//,/ }"; do
    for word in $word; do
      word=${word#--policy=}
      [[ ! -e $word ]] || printf '%s\n' "$word"
    done
  done
}

# What may stand behind a flag; nothing: no idea.
_portmatrix_values() {
  local program=$1 command=$2 flag=$3
  shift 3
  case $flag in
    --direction) echo in out ;;
    --protocol) echo tcp udp sctp icmp icmpv6 ;;
    --confirm) echo 30s 60s 5m ;;
    --flags) echo syn ack syn,ack fin,ack rst none ;;
    --format) [[ $command == import ]] && echo page csv || echo table markdown csv json nft ;;
    --node) _portmatrix_nodes "$@" ;;
    --interface) _portmatrix_interfaces "$program" "$@" ;;
  esac
}

_portmatrix() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command= at
  COMPREPLY=()
  # The shell cuts `--flag=value` in three.
  if [[ $word == = ]]; then
    word=
  elif [[ $previous == = ]] && ((COMP_CWORD > 2)); then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  local with_value=' --pin_root --socket '
  for ((at = 1; at < COMP_CWORD; ++at)); do
    if [[ ${COMP_WORDS[at]} != -* && ${COMP_WORDS[at]} != = && $with_value != *" ${COMP_WORDS[at - 1]} "* ]]; then
      command=${COMP_WORDS[at]}
      break
    fi
  done
  if [[ -z $command ]]; then
    case $previous in
      --pin_root | --socket) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
      *) mapfile -t COMPREPLY < <(compgen -W "help $(_portmatrix_commands "$program") --json --pin_root --socket --help --version" -- "$word") ;;
    esac
    return
  fi
  if [[ $command == help ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_portmatrix_commands "$program")" -- "$word")
    return
  fi
  local flags
  flags=$(_portmatrix_flags "$program" "$command")
  if [[ $previous == --* && $'\n'$flags$'\n' == *$'\n'"$previous VALUE"$'\n'* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_portmatrix_values "$program" "$command" "$previous" "${COMP_WORDS[@]:1}")" -- "$word")
    ((${#COMPREPLY[@]})) || mapfile -t COMPREPLY < <(compgen -f -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "${flags// VALUE/}" -- "$word")
  elif [[ $command == history || $command == status || $command == confirm || $command == events || $command == top ]]; then
    return
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}

complete -o filenames -F _portmatrix portmatrix
