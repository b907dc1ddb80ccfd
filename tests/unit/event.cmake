berth_unit_tests(daemon/event berth_event)
