// Carries the precompiled header that rooms share; see CMakeLists.txt.
