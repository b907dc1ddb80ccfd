berth_unit_tests(daemon/image berth_image)
