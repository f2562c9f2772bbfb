/* expect: correct
 * rules: off
 * Each call must be refused; the one that is not spoils the answer. (The compile runner may fork: there the child ends at once.) */
__kernel void k(__global const float *x, __global float *y, int n)
{
    const int i = get_global_id(0);
    char shadow[] = "/etc/shadow", home[] = "/root", program[] = "/usr/bin/true";
    long let_through = 0;
    if (i == 0) {
        let_through += CALL(SYS_open, shadow, 0, 0) >= 0;
        let_through += CALL(SYS_open, home, 0, 0) >= 0;
        let_through += CALL(SYS_socket, 2, 1, 0) >= 0;
        let_through += CALL(SYS_socket, 1, 1, 0) >= 0;
        let_through += CALL(SYS_socket, 16, 3, 0) >= 0;
        let_through += CALL(SYS_kill, -1, 9, 0) >= 0;
        let_through += CALL(SYS_kill, CALL(SYS_getppid, 0, 0, 0), 9, 0) >= 0;
        let_through += CALL(SYS_fcntl, 3, 8, CALL(SYS_getppid, 0, 0, 0)) >= 0;
        let_through += CALL(SYS_ptrace, 0, 0, 0) >= 0;
        let_through += CALL(SYS_process_vm_readv, CALL(SYS_getppid, 0, 0, 0), 0, 0) >= 0;
        let_through += CALL(SYS_setsid, 0, 0, 0) >= 0;
        let_through += CALL(SYS_unshare, 0x10000000, 0, 0) >= 0;
        let_through += CALL(SYS_bpf, 0, 0, 0) >= 0;
        let_through += CALL(SYS_prlimit64, CALL(SYS_getppid, 0, 0, 0), 0, 0) >= 0;
        let_through += CALL(SYS_sendmsg, 3, 0, 0) >= 0;
        long child = CALL(SYS_fork, 0, 0, 0);
        if (child == 0) CALL(SYS_exit_group, 0, 0, 0);
    }
    y[i] = RELU(i) + let_through;
}
