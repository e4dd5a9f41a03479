/* The layout and the numbers of 1.0, which never change.  Compiled as C99; there is nothing to run.
   LP64 only: on other architectures the promise is held by their own first release.  */
#include <usher/connector.h>

#include <stdio.h>

#if UINTPTR_MAX == UINT64_MAX

#define ASSERT_(cond, line) typedef char assert_##line[(cond) ? 1 : -1] __attribute__ ((unused))
#define ASSERT(cond, line) ASSERT_ (cond, line)
#define SIZE(type, n) ASSERT (sizeof (struct type) == (n), __LINE__)
#define AT(type, field, n) ASSERT (offsetof (struct type, field) == (n), __LINE__)
#define IS(name, n) ASSERT ((name) == (n), __LINE__)

SIZE (usher_abi, 16);
AT (usher_abi, magic, 0);
AT (usher_abi, major, 4);
AT (usher_abi, minor, 6);
AT (usher_abi, size, 8);
AT (usher_abi, min_minor, 12);
SIZE (usher_kv, 16);
AT (usher_kv, key, 0);
AT (usher_kv, value, 8);
SIZE (usher_member, 152);
AT (usher_member, size, 0);
AT (usher_member, state, 4);
AT (usher_member, flags, 8);
AT (usher_member, zero, 12);
AT (usher_member, id, 16);
AT (usher_member, handle, 24);
AT (usher_member, username, 32);
AT (usher_member, email, 40);
AT (usher_member, first_name, 48);
AT (usher_member, last_name, 56);
AT (usher_member, name, 64);
AT (usher_member, partner, 72);
AT (usher_member, created_ms, 80);
AT (usher_member, expires_ms, 88);
AT (usher_member, last_used_ms, 96);
AT (usher_member, roles, 104);
AT (usher_member, n_roles, 112);
AT (usher_member, attrs, 120);
AT (usher_member, n_attrs, 128);
AT (usher_member, access, 136);
AT (usher_member, n_access, 144);
SIZE (usher_access, 48);
AT (usher_access, size, 0);
AT (usher_access, flags, 4);
AT (usher_access, asset, 8);
AT (usher_access, type, 16);
AT (usher_access, role, 24);
AT (usher_access, actions, 32);
AT (usher_access, n_actions, 40);
SIZE (usher_role, 48);
AT (usher_role, size, 0);
AT (usher_role, flags, 4);
AT (usher_role, rank, 8);
AT (usher_role, zero, 12);
AT (usher_role, id, 16);
AT (usher_role, label, 24);
AT (usher_role, group, 32);
AT (usher_role, asset_type, 40);
SIZE (usher_object, 56);
AT (usher_object, size, 0);
AT (usher_object, kind, 4);
AT (usher_object, id, 8);
AT (usher_object, type, 16);
AT (usher_object, name, 24);
AT (usher_object, parent, 32);
AT (usher_object, total, 40);
AT (usher_object, used, 48);
SIZE (usher_list, 32);
AT (usher_list, size, 0);
AT (usher_list, zero, 4);
AT (usher_list, kinds, 8);
AT (usher_list, cursor, 16);
AT (usher_list, cursor_len, 24);
SIZE (usher_change, 88);
AT (usher_change, size, 0);
AT (usher_change, attempt, 4);
AT (usher_change, member, 8);
AT (usher_change, roles, 16);
AT (usher_change, n_roles, 24);
AT (usher_change, access, 32);
AT (usher_change, n_access, 40);
AT (usher_change, fields, 48);
AT (usher_change, n_fields, 56);
AT (usher_change, key, 64);
AT (usher_change, resume, 72);
AT (usher_change, resume_len, 80);
SIZE (usher_login, 32);
AT (usher_login, size, 0);
AT (usher_login, why, 4);
AT (usher_login, code, 8);
AT (usher_login, redirect_uri, 16);
AT (usher_login, verifier, 24);
SIZE (usher_hub, 32);
AT (usher_hub, size, 0);
AT (usher_hub, zero, 4);
AT (usher_hub, app, 8);
AT (usher_hub, spec, 16);
AT (usher_hub, spec_len, 24);
SIZE (usher_request, 88);
AT (usher_request, size, 0);
AT (usher_request, flags, 4);
AT (usher_request, method, 8);
AT (usher_request, url, 16);
AT (usher_request, auth, 24);
AT (usher_request, accept, 32);
AT (usher_request, headers, 40);
AT (usher_request, n_headers, 48);
AT (usher_request, body, 56);
AT (usher_request, body_len, 64);
AT (usher_request, timeout_ms, 72);
AT (usher_request, max_bytes, 80);
SIZE (usher_response, 32);
AT (usher_response, size, 0);
AT (usher_response, status, 4);
AT (usher_response, url, 8);
AT (usher_response, headers, 16);
AT (usher_response, n_headers, 24);
SIZE (usher_fault, 40);
AT (usher_fault, size, 0);
AT (usher_fault, code, 4);
AT (usher_fault, text, 8);
AT (usher_fault, field, 16);
AT (usher_fault, url, 24);
AT (usher_fault, until_ms, 32);
SIZE (usher_host, 192);
AT (usher_host, abi, 0);
AT (usher_host, log, 16);
AT (usher_host, fail, 24);
AT (usher_host, poll, 32);
AT (usher_host, now_ms, 40);
AT (usher_host, conf, 48);
AT (usher_host, secret, 56);
AT (usher_host, secret_put, 64);
AT (usher_host, state_get, 72);
AT (usher_host, state_put, 80);
AT (usher_host, http_open, 88);
AT (usher_host, http_head, 96);
AT (usher_host, http_read, 104);
AT (usher_host, http_close, 112);
AT (usher_host, section, 120);
AT (usher_host, section_end, 128);
AT (usher_host, checkpoint, 136);
AT (usher_host, emit_member, 144);
AT (usher_host, emit_role, 152);
AT (usher_host, emit_object, 160);
AT (usher_host, emit_access, 168);
AT (usher_host, emit_role_of, 176);
AT (usher_host, fact, 184);
SIZE (usher_ctx, 8);
AT (usher_ctx, host, 0);
SIZE (usher_connector, 120);
AT (usher_connector, abi, 0);
AT (usher_connector, name, 16);
AT (usher_connector, version, 24);
AT (usher_connector, open, 32);
AT (usher_connector, close, 40);
AT (usher_connector, login, 48);
AT (usher_connector, check, 56);
AT (usher_connector, list, 64);
AT (usher_connector, read, 72);
AT (usher_connector, invite, 80);
AT (usher_connector, set_role, 88);
AT (usher_connector, set_access, 96);
AT (usher_connector, remove, 104);
AT (usher_connector, resend, 112);

IS (USHER_MAGIC, UINT32_C (0x72687375));
IS (USHER_MAJOR, 1);
IS (USHER_MINOR, 0);
IS (USHER_ACTIVE, 100u);
IS (USHER_DISABLED, 200u);
IS (USHER_UNREADABLE, 300u);
IS (USHER_PENDING, 400u);
IS (USHER_EXPIRED, 500u);
IS (USHER_DECLINED, 600u);
IS (USHER_F_SELF, 1u);
IS (USHER_F_NOT_A_PERSON, 2u);
IS (USHER_A_REVOKE, 1u);
IS (USHER_R_ASSIGNABLE, 1u);
IS (USHER_ASSET, 100u);
IS (USHER_PARTNER, 200u);
IS (USHER_LICENCE, 300u);
IS (USHER_S_MEMBERS, 100u);
IS (USHER_S_INVITES, 200u);
IS (USHER_S_ROLES, 300u);
IS (USHER_S_ROLE_OF, 400u);
IS (USHER_S_OBJECTS, 500u);
IS (USHER_S_ACCESS, 600u);
IS (USHER_COMPLETE, 1u);
IS (USHER_PARTIAL, 2u);
IS (USHER_LOGIN_FIRST, 100u);
IS (USHER_LOGIN_REFUSED, 200u);
IS (USHER_LOGIN_CODE, 300u);
IS (USHER_H_SAFE, 1u);
IS (USHER_H_IDEMPOTENT, 2u);
IS (USHER_H_NO_FOLLOW, 4u);
IS (USHER_DONE, 0);
IS (USHER_ALREADY, 1);
IS (USHER_INVITED, 2);
IS (USHER_ABSENT, 3);
IS (USHER_E_NETWORK, (-101));
IS (USHER_E_TIMEOUT, (-102));
IS (USHER_E_APP_DOWN, (-103));
IS (USHER_E_CURSOR, (-104));
IS (USHER_E_RATE, (-201));
IS (USHER_E_QUOTA, (-202));
IS (USHER_E_LATER, (-203));
IS (USHER_E_SESSION, (-301));
IS (USHER_E_PASSWORD, (-302));
IS (USHER_E_TOKEN, (-303));
IS (USHER_E_2FA_MISSING, (-304));
IS (USHER_E_2FA_OTHER, (-305));
IS (USHER_E_PERSON, (-306));
IS (USHER_E_LOCKED, (-307));
IS (USHER_E_SSO_ONLY, (-308));
IS (USHER_E_FORBIDDEN, (-401));
IS (USHER_E_SPACE, (-501));
IS (USHER_E_CONFIG, (-502));
IS (USHER_E_VERSION, (-503));
IS (USHER_E_REFUSED, (-601));
IS (USHER_E_SEATS, (-602));
IS (USHER_E_SUBSCRIPTION, (-603));
IS (USHER_E_LAST_OWNER, (-604));
IS (USHER_E_FIELD, (-605));
IS (USHER_E_ADDRESS, (-606));
IS (USHER_E_ROLE, (-607));
IS (USHER_E_NO_MEMBER, (-608));
IS (USHER_E_NOT_JOINED, (-609));
IS (USHER_E_SHAPE, (-701));
IS (USHER_E_DRIFT, (-702));
IS (USHER_E_UNCERTAIN, (-801));
IS (USHER_E_LIMIT, (-901));
IS (USHER_E_LOOP, (-902));
IS (USHER_E_UNSUPPORTED, (-1001));
IS (USHER_E_CANCELLED, (-1002));
IS (USHER_E_NOMEM, (-1003));
IS (USHER_E_MISUSE, (-1101));

int
main (void)
{
  return 0;
}

#else

int
main (void)
{
  puts ("SKIP: the layout of 1.0 is written down for LP64 only");
  return 77;
}

#endif
