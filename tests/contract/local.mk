# The contract of the ABI, run for every connector on its app double.
if HAVE_CHECK
CONTRACT_TESTS = tests/contract/contract-scim tests/contract/contract-rest \
	tests/contract/test-scim tests/contract/test-rest
check_PROGRAMS += $(CONTRACT_TESTS)
TESTS += $(CONTRACT_TESTS)

CONTRACT_RUN = %D%/run.c %D%/run.h tests/unit/unit.h
CONTRACT_SCIM = %D%/scim-app.c %D%/scim-app.h tests/apps/scim/double.c tests/apps/scim/double.h

tests_contract_contract_scim_SOURCES = %D%/contract-scim.c %D%/contract.c %D%/contract.h \
	$(CONTRACT_RUN) $(CONTRACT_SCIM)
tests_contract_contract_scim_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_contract_contract_scim_LDADD = libseat.la libusher-fakehost.a $(CHECK_LIBS) $(JANSSON_LIBS)

CONTRACT_REST = %D%/rest-app.c %D%/rest-app.h %D%/rest-specs.h
tests_contract_contract_rest_SOURCES = %D%/contract-rest.c %D%/contract.c %D%/contract.h \
	$(CONTRACT_RUN) $(CONTRACT_REST)
tests_contract_contract_rest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_contract_contract_rest_LDADD = libseat.la libusher-fakehost.a $(CHECK_LIBS) $(JANSSON_LIBS)

tests_contract_test_rest_SOURCES = %D%/test-rest.c $(CONTRACT_RUN) $(CONTRACT_REST)
tests_contract_test_rest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_contract_test_rest_LDADD = libseat.la libusher-fakehost.a $(CHECK_LIBS) $(JANSSON_LIBS)

tests_contract_test_scim_SOURCES = %D%/test-scim.c $(CONTRACT_RUN) $(CONTRACT_SCIM)
tests_contract_test_scim_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_contract_test_scim_LDADD = libseat.la libusher-fakehost.a $(CHECK_LIBS) $(JANSSON_LIBS)
endif
EXTRA_DIST += tests/apps/scim/server.py
