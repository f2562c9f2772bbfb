/* The device files of GPUs. Both sides of the sandbox name them: bubblewrap shows them, Landlock lets them be used. */
#pragma once

/* clang-format off */
#define GPU_DEVICE_FILES                                                                                            \
    "/dev/dri", "/dev/kfd", "/dev/nvidia0", "/dev/nvidia1", "/dev/nvidia2", "/dev/nvidia3", "/dev/nvidia4",          \
    "/dev/nvidia5", "/dev/nvidia6", "/dev/nvidia7", "/dev/nvidia8", "/dev/nvidia9", "/dev/nvidia10",                 \
    "/dev/nvidia11", "/dev/nvidia12", "/dev/nvidia13", "/dev/nvidia14", "/dev/nvidia15", "/dev/nvidiactl",           \
    "/dev/nvidia-caps", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"
/* clang-format on */
