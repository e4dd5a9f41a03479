# shellcheck shell=sh
# What the tests of usher share.  They run in the build folder; each has a folder of its
# own that is gone afterwards.
#
#   start_api <<SCRIPT     an API at $dir/sock that answers as cli-api.py says
#   try STATUS ARGS...     runs usher; standard output in $dir/out, error in $dir/err
#   has FILE TEXT, lacks FILE TEXT
#   asked TEXT             a request of that kind (and body) reached the API

here=$(cd "$(dirname "$0")" && pwd)
usher=${USHER:-$(pwd)/host/usher}
command -v python3 >/dev/null || { echo "skipped: python3 is missing"; exit 77; }
[ -x "$usher" ] || { echo "skipped: $usher is missing"; exit 77; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/usher-cli.XXXXXX")
api=
LC_ALL=C.UTF-8
TZ=UTC
export LC_ALL TZ dir usher
unset USHER_URL USHER_TOKEN_FILE USHER_SOCKET NO_COLOR http_proxy https_proxy all_proxy

stop_api ()
{
  [ -z "$api" ] || { kill "$api"; wait "$api"; } 2>/dev/null
  api=
}

finish ()
{
  status=$?
  stop_api
  rm -rf "$dir"
  exit $status
}
trap finish EXIT
trap 'exit 99' INT TERM

# start_api [ADDRESS]; the script is standard input.
start_api ()
{
  stop_api
  rm -f "$dir/sock" "$dir/log" "$dir/log.port"
  cat >"$dir/script"
  : >"$dir/log"
  python3 "$here/cli-api.py" "${1:-$dir/sock}" "$dir/script" "$dir/log" &
  api=$!
  [ -z "$1" ] || return 0
  USHER_SOCKET=$dir/sock
  export USHER_SOCKET
  # usher tries for five seconds, in which a busy machine may not have started Python.
  waited=0
  until [ -S "$dir/sock" ] || [ $waited = 600 ]
  do
    sleep 0.1
    waited=$((waited + 1))
  done
}

fail ()
{
  echo "FAILED: $*"
  echo "--- out"; cat "$dir/out"
  echo "--- err"; cat "$dir/err"
  echo "--- requests"; cat "$dir/log" 2>/dev/null
  exit 1
}

try ()
{
  want=$1; shift
  "$usher" "$@" >"$dir/out" 2>"$dir/err" </dev/null
  got=$?
  [ "$got" = "$want" ] || fail "usher $* ended with $got, not $want"
  case $want in
  0) ;;
  *) [ -s "$dir/err" ] || fail "usher $* said nothing about its failure" ;;
  esac
}

has ()
{
  grep -qF -e "$2" "$dir/$1" || fail "$1 has no \"$2\""
}

lacks ()
{
  ! grep -qF -e "$2" "$dir/$1" || fail "$1 has \"$2\""
}

is ()
{
  printf '%s\n' "$2" | cmp -s - "$dir/$1" || fail "$1 is not \"$2\""
}

asked ()
{
  grep -qF -e "$1" "$dir/log" || fail "nobody asked for $1"
}

not_asked ()
{
  ! grep -qF -e "$1" "$dir/log" || fail "somebody asked for $1"
}
