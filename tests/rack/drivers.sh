# OpenCL drivers of hosts: sourced by `rack`. Each is a layer over the common root, made once; a host has one of them or none.
RACK_DRIVERS='pocl rusticl intel oclgrind none'
DRIVERS_COMMON='ocl-icd-libopencl1 clinfo'

driver_known() { [[ " $RACK_DRIVERS " == *" $1 "* ]]; }

# The layers of a host with that driver, for an overlay's lowerdir, in $DRIVER_LOWER. RACK_LAYERS: layers above them, with colons between.
driver_layers() {
    # shellcheck disable=SC2086 # a list of packages
    case $1 in
        none) DRIVER_LOWER=${RACK_LAYERS:+$RACK_LAYERS:}$DEBIAN_ROOT; return 0 ;;
        pocl) debian_layer pocl "$DEBIAN_ROOT" $DRIVERS_COMMON pocl-opencl-icd ;;
        rusticl) debian_layer rusticl "$DEBIAN_ROOT" $DRIVERS_COMMON mesa-opencl-icd ;;
        oclgrind) debian_layer oclgrind "$DEBIAN_ROOT" $DRIVERS_COMMON oclgrind ;;
        intel) intel_install && debian_layer intel "$DEBIAN_ROOT" $DRIVERS_COMMON ;;
    esac || return 1
    DRIVER_LOWER=${RACK_LAYERS:+$RACK_LAYERS:}$DEBIAN_LAYER:$DEBIAN_ROOT
}

# What the packages leave to do, into the upper layer at FOLDER: a variable for rusticl, the ICD's file for the two that register none.
driver_settle() {
    local driver=$1 folder=$2
    case $driver in none | pocl) return 0 ;; esac
    mkdir -p "$folder/etc/OpenCL/vendors" "$folder/etc/systemd/system.conf.d" "$folder/etc/ld.so.conf.d" || return 1
    case $driver in
        rusticl)
            echo 'RUSTICL_ENABLE=llvmpipe' >>"$folder/etc/environment"
            printf '[Manager]\nDefaultEnvironment=RUSTICL_ENABLE=llvmpipe\n' >"$folder/etc/systemd/system.conf.d/rusticl.conf"
            ;;
        oclgrind) echo /usr/lib/oclgrind/liboclgrind-rt-icd.so >"$folder/etc/OpenCL/vendors/oclgrind.icd" ;;
        intel) # its libraries come by a mount (host-init); its own OpenCL loader stays out, or the link cache would prefer it
            echo /usr/local/lib/intel-opencl/libintelocl.so >"$folder/etc/OpenCL/vendors/intel.icd"
            echo /usr/local/lib/intel-opencl >"$folder/etc/ld.so.conf.d/intel-opencl.conf"
            ;;
    esac
}
# Intel's libraries without its loader and without Python, as hard links, in $DEPS_DIR/rack/intel.
driver_intel_folder() {
    local from=$DEPS_DIR/intel/lib to=$DEPS_DIR/rack/intel f
    [ -d "$to" ] && [ ! "$from" -nt "$to" ] && return 0
    rm -rf "$to" "$to.part" && mkdir -p "$to.part" || return 1
    for f in "$from"/*; do
        case $f in */libOpenCL.so* | */python3* | */__pycache__) ;; *) cp -al "$f" "$to.part/" || return 1 ;; esac
    done
    mv "$to.part" "$to"
}
