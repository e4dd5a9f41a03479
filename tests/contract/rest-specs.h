/* Descriptors of the small application, one for each style of paging.  */
#ifndef TESTS_CONTRACT_REST_SPECS_H
#define TESTS_CONTRACT_REST_SPECS_H

#include "tests/contract/rest-app.h"

#define REST_MEMBER "{\"id\":\"id\",\"email\":\"email\",\"username\":\"email\",\"first_name\":\"first\"," \
  "\"last_name\":\"last\"," \
  "\"created\":\"created\",\"roles\":{\"role\":\"role\"}}"
#define REST_PASS(page) "{\"get\":\"/members\",\"at\":\"rows[]\",\"page\":" page ",\"member\":" REST_MEMBER "}"
#define REST_ROLES "\"roles\":[{\"get\":\"/roles\",\"at\":\"[]\",\"group\":\"role\",\"id\":\"id\",\"label\":\"title\"}]"
#define REST_READ "\"read\":[{\"get\":\"/members/{id}\",\"absent_if\":true,\"member\":" REST_MEMBER "}," \
  "{\"get\":\"/search\",\"query\":{\"email\":\"{email}\"},\"at\":\"rows[]\"," \
  "\"where\":{\"at\":\"email\",\"is\":\"{email}\"},\"member\":" REST_MEMBER "}]"
#define REST_WRITES "\"invite\":{\"post\":\"/members\",\"json\":{\"email\":\"{email}\",\"role\":\"{role}\"}," \
  "\"member\":" REST_MEMBER "}," \
  "\"set_role\":{\"put\":\"/members/{id}\",\"json\":{\"role\":\"{role}\"},\"member\":" REST_MEMBER "}," \
  "\"remove\":{\"delete\":\"/members/{id}\"}," \
  "\"answers\":[{\"status\":409,\"at\":\"code\",\"is\":\"member\",\"means\":\"already\"}," \
  "{\"status\":409,\"at\":\"code\",\"is\":\"invited\",\"means\":\"invited\"}]"
#define REST_SPEC_OF(list) "{\"rest\":{\"base\":\"{base_url}\",\"list\":[" list "]," REST_ROLES "," REST_READ "," \
  REST_WRITES "}}"

#define REST_NUMBER "{\"style\":\"number\",\"size\":4,\"total\":\"total\",\"send\":{\"page\":\"{page}\",\"size\":\"{" \
  "size}\"}}"
#define REST_PAGES "{\"style\":\"number\",\"pages\":\"pages\",\"send\":{\"page\":\"{page}\"}}"
#define REST_EMPTY "{\"style\":\"number\",\"size\":4,\"send\":{\"page\":\"{page}\",\"size\":\"{size}\"}}"
#define REST_OFFSET "{\"style\":\"offset\",\"size\":4,\"total\":\"total\",\"send\":{\"offset\":\"{offset}\"," \
  "\"size\":\"{size}\"}}"
#define REST_SHORT "{\"style\":\"offset\",\"size\":4,\"short_ends\":true,\"send\":{\"offset\":\"{offset}\"," \
  "\"size\":\"{size}\"}}"
#define REST_CURSOR "{\"style\":\"cursor\",\"cursor\":\"next\",\"total\":\"total\",\"send\":{\"cursor\":\"{cursor}\"}}"
#define REST_LINK "{\"style\":\"link\",\"while\":{\"results\":\"true\"}}"
#define REST_NEXT "{\"style\":\"next\",\"next\":\"url\",\"drop\":[\"key\"]}"

#endif
