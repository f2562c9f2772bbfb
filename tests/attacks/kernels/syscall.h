/* Put in front of the kernels that make system calls themselves (tests/integration/sandbox.sh): PoCL compiles inline
 * assembly. The token rules refuse it, so they are switched off for these. What the sandbox lets through makes the
 * answer wrong. x86-64 Linux. */
#define SYS_write 1
#define SYS_open 2
#define SYS_close 3
#define SYS_socket 41
#define SYS_sendmsg 46
#define SYS_fork 57
#define SYS_kill 62
#define SYS_fcntl 72
#define SYS_getppid 110
#define SYS_ptrace 101
#define SYS_setsid 112
#define SYS_exit_group 231
#define SYS_unshare 272
#define SYS_prlimit64 302
#define SYS_process_vm_readv 310
#define SYS_bpf 321

static long system_call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}
#define CALL(number, a, b, c) system_call(number, (long)(a), (long)(b), (long)(c))
#define RELU(i) (x[i] > 0 ? x[i] : 0)
