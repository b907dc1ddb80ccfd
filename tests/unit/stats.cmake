berth_unit_tests(daemon/stats berth_stats)
