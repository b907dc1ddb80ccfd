berth_unit_tests(daemon/network berth_network)
