berth_unit_tests(daemon/http berth_http)
