# The Pi Zero (ARM1176JZF-S, ARMv6) from another computer. Debian's hard-float libraries are ARMv7 and would die there;
# those of the soft-float calling convention are older, and a static program brings its own.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv6)
set(CMAKE_CXX_COMPILER arm-linux-gnueabi-g++)
set(CMAKE_CXX_FLAGS_INIT "-march=armv6 -mfpu=vfp -mfloat-abi=softfp")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
