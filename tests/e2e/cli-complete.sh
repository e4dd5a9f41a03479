#!/bin/sh
# Completion: every command and option is reached by it, names come from the daemon, and the
# shells' own files hand on what "usher --complete" says.
# shellcheck source=tests/e2e/cli-lib.sh
. "$(dirname "$0")/cli-lib.sh"
top=$(cd "$here/../.." && pwd)
completions=$top/packaging/completions
PATH=$(dirname "$usher"):$PATH
export PATH
start_api <<'END'
{"GET /hubs?limit=500": {"json": {"items": [
   {"label": "Acme", "app": "scim"}, {"label": "Acme two", "app": "scim"}, {"label": "Bravo", "app": "meta"}]}},
 "GET /apps?limit=500": {"json": {"items": [{"id": "scim", "name": "SCIM 2.0 application"}]}},
 "GET /accounts?limit=500": {"json": {"items": [
   {"label": "Robot", "app": "scim"}, {"label": "two\nlines", "app": "scim"}]}}}
END

# offers "CANDIDATE|..." WORD...: these, in this order; of the files, "" or what stands before them.
offers ()
{
  wanted=$1; shift
  try 0 --complete "$@"
  sed 's/^	\(.*\)/\1FILES/; s/	.*//' "$dir/out" | tr '\n' '|' | sed 's/|$//' >"$dir/offered"
  [ "$(cat "$dir/offered")" = "$wanted" ] || fail "usher $* is completed by $(cat "$dir/offered"), not $wanted"
}

offers 'connect|check' hub c
offers 'status' stat
offers 'list|show|check' app ''
offers '' app nothing ''
offers 'import' directory imp
offers 'csv' directory import c
offers 'FILES' directory import csv ''
offers 'table|json|csv' -o ''
offers 'show' -o json report s
offers '--label|--login-method' hub connect scim --l
offers 'sso|password' hub connect scim --login-method ''
offers '--login-method=sso' hub connect scim --login-method=s
offers 'FILES' --token-file ''
offers '--token-file=FILES' --token-file=to
offers '' hub connect scim --password secret
offers '@FILES' hub connect scim --password @se
offers 'token=@FILES' hub connect scim --secret token=@t
offers '' task show ''
offers '' status ''
offers '' status -- -

# Names; one that would be two lines is left out.
offers 'Acme|Acme two|Bravo' sync ''
offers 'Acme|Acme two' member list A
offers '' member list Acme ''
offers '--hub=Bravo' task list --hub=B
offers 'scim' hub connect ''
offers 'Robot' account show ''
offers 'Acme|Acme two' task list --hub Acme
has out 'scim'
USHER_SOCKET=$dir/nobody offers 'Bravo' --socket "$dir/sock" sync B
USHER_SOCKET=$dir/nobody offers '' sync ''

# Everything that usher(1) has, which a unit test holds to the table.
awk '/^\.Ss / { command = substr ($0, 5); print command }
     /^\.Sh / && command != "" { exit }
     /^\.It Fl/ { print command, "-" $3 }' "$top/host/man/usher.1" >"$dir/page"
[ "$(wc -l <"$dir/page")" -gt 90 ] || fail "usher(1) has hardly any commands"
while read -r line
do
  # shellcheck disable=SC2086 # words
  "$usher" --complete $line >"$dir/out" 2>"$dir/err" </dev/null
  sed 's/	.*//' "$dir/out" | grep -qxF -e "${line##* }" || fail "$line is not offered"
done <"$dir/page"

# bash: readline's words and what it is given, for a line that ends where the cursor is.
cat >"$dir/bash" <<'END'
. "$1/bash/$2"
COMP_LINE=$3
read -ra COMP_WORDS <<<"$(sed 's/[=:@]/ & /g' <<<"$3")"
[[ $3 != *[\ =@] ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
"_$2"
(IFS='|'; printf '%s\n' "${COMPREPLY[*]}")
END
bash_gives ()
{
  bash "$dir/bash" "$completions" "${2%% *}" "$2" >"$dir/out" 2>"$dir/err" || fail "bash failed on $2"
  is out "$1"
}
(cd "$dir" && : >token.txt && mkdir state)
cd "$dir" || exit 99
bash_gives 'connect|check' 'usher hub c'
bash_gives 'table|json|csv' 'usher -o '
bash_gives 'Acme|Acme\ two' 'usher sync A'
bash_gives 'sso' 'usher hub connect scim --login-method=s'
bash_gives 'token.txt' 'usher hub connect scim --password @tok'
bash_gives 'token.txt' 'usher hub connect scim --secret token=@tok'
bash_gives 'token.txt' 'usher app check tok'
bash_gives '--check-config|--check-app' 'usherd --check'
bash_gives 'text|json' 'usherd --log-format '
bash_gives 'state' 'usherd --state-dir st'
for shell in bash zsh fish
do
  command -v $shell >/dev/null || { echo "skipped: $shell is missing"; exit 77; }
done

# zsh: its own completion system, in a terminal of its own, is left out; what it is given is not.
zsh -n "$completions/zsh/_usher" || fail "zsh does not take _usher"
cat >"$dir/zsh" <<'END'
compadd () { local -a give; [[ $* != *-a* ]] && give=($*) || give=(${(P)argv[-1]}); print -r -- ${(j:|:)give} }
_files () { print -r -- FILES $* behind $IPREFIX }
compset () { IPREFIX=$2 }
service=$2 words=("${@[2,-1]}") CURRENT=$(( $# - 1 )) PREFIX=${@[-1]}
. $1/zsh/_usher
END
zsh_gives ()
{
  wanted=$1; shift
  zsh -f "$dir/zsh" "$completions" "$@" >"$dir/out" 2>"$dir/err" || fail "zsh failed on $*"
  is out "$wanted"
}
zsh_gives 'connect|check' usher hub c
zsh_gives 'Acme|Acme two' usher sync A
zsh_gives 'FILES behind token=@' usher hub connect scim --secret token=@t
zsh_gives 'text|json' usherd --log-format ''
zsh_gives 'FILES -/ behind' usherd --state-dir st

# fish: completes for real.
fish_gives ()
{
  fish --no-config -c 'for file in $argv[1]/fish/*.fish; source $file; end; complete -C $argv[2]' \
    "$completions" "$2" >"$dir/all" 2>"$dir/err" || fail "fish failed on $2"
  sed 's/	.*//' "$dir/all" | sort | tr '\n' '|' | sed 's/|$//' >"$dir/out"
  [ "$(cat "$dir/out")" = "$1" ] || fail "fish completes $2 by $(cat "$dir/out"), not $1"
}
fish_gives 'check|connect' 'usher hub c'
fish_gives 'Acme|Acme two' 'usher sync A'
fish_gives '@token.txt' 'usher hub connect scim --password @tok'
fish_gives 'token.txt' 'usher app check tok'
fish_gives '--check-app|--check-config' 'usherd --check'
fish_gives 'json|text' 'usherd --log-format '
fish_gives 'state/' 'usherd --state-dir st'
