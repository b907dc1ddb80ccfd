berth_unit_tests(daemon/state berth_state)
