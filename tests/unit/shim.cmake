berth_unit_tests(daemon/shim berth_shim_core)
