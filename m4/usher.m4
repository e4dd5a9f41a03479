# Checks of Usher's own, kept out of configure.ac so that it reads as a list.

# USHER_OPTIONS: what the person who configures can choose.
AC_DEFUN([USHER_OPTIONS], [
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers],
      [build with AddressSanitizer and UBSan (for tests)])],
    [], [enable_sanitizers=no])
  AC_ARG_ENABLE([test-hooks],
    [AS_HELP_STRING([--enable-test-hooks],
      [compile in fail points and a settable clock (for tests, never for packages)])],
    [], [enable_test_hooks=no])
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])],
    [], [enable_werror=no])
  AC_ARG_WITH([systemd],
    [AS_HELP_STRING([--without-systemd],
      [do without readiness messages and credentials of systemd])],
    [], [with_systemd=check])
  AS_IF([test "x$enable_test_hooks" = xyes],
    [AC_DEFINE([USHER_TEST_HOOKS], [1],
      [Define to compile in fail points and the settable clock.])])
  AS_IF([test "x$enable_sanitizers" = xyes],
    [AC_DEFINE([USHER_SANITIZERS], [1],
      [Define when built with AddressSanitizer.])])
  AM_CONDITIONAL([SANITIZERS], [test "x$enable_sanitizers" = xyes])
  AM_CONDITIONAL([TEST_HOOKS], [test "x$enable_test_hooks" = xyes])
])

# USHER_LIBRARY(VARIABLE, MODULE, DEBIAN-PACKAGE): VARIABLE_CFLAGS and VARIABLE_LIBS, or one
# more of those that are missing.
AC_DEFUN([USHER_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [], [USHER_MISSING([$2], [$3])])
])

# USHER_HEADER_LIBRARY(VARIABLE, HEADER, LIBRARY, DEBIAN-PACKAGE): one that pkg-config does
# not know.
AC_DEFUN([USHER_HEADER_LIBRARY], [
  AC_CHECK_HEADER([$2], [], [USHER_MISSING([$2], [$4])])
  AC_SUBST([$1_CFLAGS], [])
  AC_SUBST([$1_LIBS], [-l$3])
])

# USHER_MISSING(WHAT, DEBIAN-PACKAGE): noted, so that all are named at once.
AC_DEFUN([USHER_MISSING], [
  usher_missing="$usher_missing${usher_missing:+, }$1"
  usher_packages="$usher_packages $2"
])

# USHER_LIBRARIES: what the program is built on.
AC_DEFUN([USHER_LIBRARIES], [
  AS_IF([test -z "$PKG_CONFIG"],
    [AC_MSG_ERROR([pkg-config was not found; on Debian: apt-get install pkg-config])])
  usher_missing=
  usher_packages=
  USHER_LIBRARY([CURL], [libcurl >= 7.85], [libcurl4-openssl-dev])
  USHER_LIBRARY([XML], [libxml-2.0 >= 2.9.10], [libxml2-dev])
  USHER_LIBRARY([JANSSON], [jansson >= 2.13], [libjansson-dev])
  USHER_LIBRARY([MHD], [libmicrohttpd >= 0.9.71], [libmicrohttpd-dev])
  USHER_LIBRARY([SODIUM], [libsodium >= 1.0.18], [libsodium-dev])
  USHER_LIBRARY([OATH], [liboath >= 2.6], [liboath-dev])
  USHER_LIBRARY([SECCOMP], [libseccomp >= 2.5], [libseccomp-dev])
  USHER_LIBRARY([INIH], [inih], [libinih-dev])
  USHER_LIBRARY([SMARTCOLS], [smartcols], [libsmartcols-dev])
  USHER_HEADER_LIBRARY([LMDB], [lmdb.h], [lmdb], [liblmdb-dev])
  USHER_HEADER_LIBRARY([CSV], [csv.h], [csv], [libcsv-dev])
  USHER_HEADER_LIBRARY([JQ], [jq.h], [jq], [libjq-dev])

  have_systemd=no
  AS_IF([test "x$with_systemd" != xno],
    [PKG_CHECK_MODULES([SYSTEMD], [libsystemd],
      [have_systemd=yes
       AC_DEFINE([HAVE_SYSTEMD], [1], [Define when libsystemd is used.])],
      [AS_IF([test "x$with_systemd" = xyes], [USHER_MISSING([libsystemd], [libsystemd-dev])])])])
  AS_IF([test -n "$usher_missing"],
    [AC_MSG_ERROR([not found: $usher_missing
  on Debian: apt-get install$usher_packages])])

  usher_save_LIBS=$LIBS
  LIBS=
  AC_SEARCH_LIBS([dlopen], [dl], [], [AC_MSG_ERROR([dlopen was not found])])
  AC_SUBST([DL_LIBS], [$LIBS])
  LIBS=$usher_save_LIBS

  PKG_CHECK_MODULES([CHECK], [check >= 0.15], [have_check=yes],
    [have_check="no, they are off: on Debian, apt-get install check"])
  AM_CONDITIONAL([HAVE_CHECK], [test "x$have_check" = xyes])
  AC_CHECK_HEADERS([linux/landlock.h])
])

# USHER_SERVICE_FOLDER(VARIABLE, BELOW): where systemd looks for one kind of file: what it
# says itself where it shares the prefix, else a folder that it also reads.
AC_DEFUN([USHER_SERVICE_FOLDER], [
  AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [default: what systemd says, or PREFIX/lib/$2])],
    [$1=$withval],
    [$1=
     AS_IF([test "x$prefix" = x/usr], [PKG_CHECK_VAR([$1], [systemd], [$1])])
     AS_IF([test -z "$$1"], [$1='${prefix}/lib/$2'])])
  AC_SUBST([$1])
])

# USHER_SERVICE: the unit and what belongs to it.  The unit gives the daemon /var/lib/usher
# and /run/usher, so that it is of use only to a daemon that looks there.
AC_DEFUN([USHER_SERVICE], [
  USHER_SERVICE_FOLDER([systemdsystemunitdir], [systemd/system])
  USHER_SERVICE_FOLDER([sysusersdir], [sysusers.d])
  USHER_SERVICE_FOLDER([tmpfilesdir], [tmpfiles.d])
  have_service=$have_systemd
  AS_CASE([$sysconfdir:$localstatedir:$runstatedir],
    [/etc:/var:/run], [],
    [have_service="no, it needs --sysconfdir=/etc --localstatedir=/var --runstatedir=/run"])
  AM_CONDITIONAL([SERVICE], [test "x$have_service" = xyes])
])

# USHER_FLAG(VARIABLE, FLAG): append FLAG to VARIABLE if compiler and linker take it.
AC_DEFUN([USHER_FLAG], [
  AS_VAR_PUSHDEF([usher_cv], [usher_cv_flag_$2])
  AC_CACHE_CHECK([whether $CC takes $2], [usher_cv], [
    usher_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $2"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
      [AS_VAR_SET([usher_cv], [yes])], [AS_VAR_SET([usher_cv], [no])])
    CFLAGS=$usher_save_CFLAGS])
  AS_VAR_IF([usher_cv], [yes], [$1="$$1 $2"])
  AS_VAR_POPDEF([usher_cv])
])

# USHER_COMPILER_FLAGS: warnings, hardening, sanitizers.
AC_DEFUN([USHER_COMPILER_FLAGS], [
  WARN_CFLAGS=
  m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wvla -Wformat=2
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
    -Wcast-qual -Wpointer-arith -Wwrite-strings -Wundef -Wnull-dereference
    -Wimplicit-fallthrough -Wlogical-op -Wduplicated-cond
    -Wduplicated-branches],
    [USHER_FLAG([WARN_CFLAGS], flag)])
  AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  STRICT_CFLAGS=
  USHER_FLAG([STRICT_CFLAGS], [-Wconversion])

  HARDEN_CFLAGS=
  HARDEN_LDFLAGS=
  m4_foreach_w([flag], [-fstack-protector-strong -fstack-clash-protection
    -fcf-protection -fno-common],
    [USHER_FLAG([HARDEN_CFLAGS], flag)])
  USHER_FLAG([HARDEN_LDFLAGS], [-Wl,-z,relro])
  USHER_FLAG([HARDEN_LDFLAGS], [-Wl,-z,now])
  USHER_FLAG([HARDEN_LDFLAGS], [-Wl,-z,noexecstack])
  USHER_FLAG([HARDEN_LDFLAGS], [-Wl,--as-needed])
  HARDEN_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"
  SANITIZE_CFLAGS=
  AS_IF([test "x$enable_sanitizers" = xyes], [
    HARDEN_CPPFLAGS="-U_FORTIFY_SOURCE"
    SANITIZE_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"])

  # The CRC instruction of x86-64, chosen at run time.
  AC_CACHE_CHECK([for the crc32 instruction of SSE 4.2], [usher_cv_sse42_crc32],
    [AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#include <stdint.h>
static uint64_t __attribute__ ((target ("sse4.2")))
step (uint64_t crc, uint64_t v)
{
  return __builtin_ia32_crc32di (crc, v);
}]], [[return __builtin_cpu_supports ("sse4.2") ? (int) step (0, 1) : 0;]])],
      [usher_cv_sse42_crc32=yes], [usher_cv_sse42_crc32=no])])
  AS_IF([test "x$usher_cv_sse42_crc32" = xyes],
    [AC_DEFINE([HAVE_SSE42_CRC32], [1], [Define to 1 where the compiler knows SSE 4.2's crc32.])])

  # Programs are position independent; modules are so anyway.
  PROGRAM_CFLAGS=
  PROGRAM_LDFLAGS=
  USHER_FLAG([PROGRAM_CFLAGS], [-fPIE])
  USHER_FLAG([PROGRAM_LDFLAGS], [-pie])

  AC_SUBST([WARN_CFLAGS])
  AC_SUBST([STRICT_CFLAGS])
  AC_SUBST([HARDEN_CFLAGS])
  AC_SUBST([HARDEN_CPPFLAGS])
  AC_SUBST([HARDEN_LDFLAGS])
  AC_SUBST([SANITIZE_CFLAGS])
  AC_SUBST([PROGRAM_CFLAGS])
  AC_SUBST([PROGRAM_LDFLAGS])
])

# USHER_SUMMARY: what was decided, for the person who reads the end of configure.
AC_DEFUN([USHER_SUMMARY], [
  AC_MSG_NOTICE([
usher $PACKAGE_VERSION, connector ABI $USHER_ABI_MAJOR.$USHER_ABI_MINOR

  prefix               $prefix
  compiler             $CC $CFLAGS
  sanitizers           $enable_sanitizers
  test hooks           $enable_test_hooks
  systemd              $have_systemd
  service installed    $have_service
  unit tests (check)   $have_check
])
])
