berth_unit_tests(daemon/storage berth_storage)
