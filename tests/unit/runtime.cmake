berth_unit_tests(daemon/runtime berth_runtime)
