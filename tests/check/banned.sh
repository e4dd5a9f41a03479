#!/bin/sh
# Functions that the house does not call, and what it calls in their place.  Arrays of a
# length known only at run time are the compiler's part (-Wvla).
set -eu
top=${srcdir:-.}
banned='
sprintf|vsprintf                         buf_printf, or snprintf with its answer looked at
strcpy|stpcpy|strcat|strncpy|strncat     buf_puts, or memcpy with a length
strtok|gets                              strcspn and lengths
scanf|sscanf|fscanf|vsscanf              parse_u64 and its like
atoi|atol|atoll|atof                     parse_u64 and its like
alloca                                   a buffer with a maximum
system|popen|fork|vfork                  posix_spawn, by the supervisor
mktemp|tmpnam|tempnam|tmpfile            mkostemp
signal                                   sigaction
dup                                      fcntl F_DUPFD_CLOEXEC
rand|srand|random|drand48                getrandom
ctime|asctime|localtime|gmtime           clock_rfc3339
setjmp|longjmp                           return
dlclose                                  the end of the process
'
found=$(find "$top/host" "$top/sdk" "$top/plugins" -name '*.[ch]' -exec \
  awk -f "$top/tests/check/code.awk" {} +)
[ "$(printf '%s\n' "$found" | wc -l)" -gt 10000 ] || { echo "there is hardly any code to look at"; exit 1; }
bad=0
while read -r names instead
do
  [ "$names" ] || continue
  if printf '%s\n' "$found" | grep -E "^[^:]*:[0-9]*:(.*[^A-Za-z0-9_.>])?($names)[ 	]*\("
  then
    echo "  in place of ${names%%|*} and the like: $instead"
    bad=1
  fi
done <<END
$banned
END
exit $bad
