# What the shim writes is read by what reads it.
berth_unit_tests(daemon/shim berth_shim_core berth_log_reader)
berth_unit_tests(daemon/shim_client berth_shim_client berth_runtime)
# Its hidden tests run the real program, which is built beside it.
add_dependencies(unit_daemon_shim_client berth-shim)
