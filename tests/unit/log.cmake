berth_unit_tests(daemon/log berth_log_reader)
