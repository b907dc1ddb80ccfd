berth_unit_tests(daemon/config berth_config)
