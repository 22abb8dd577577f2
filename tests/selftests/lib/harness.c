// SPDX-License-Identifier: GPL-2.0-only
/* The TAP harness: forks each test, bounds its time, prints what kselftest's runner reads. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../harness.h"

#define KSFT_PASS 0
#define KSFT_FAIL 1
#define KSFT_SKIP 4

/* Seconds for one test, whatever else the machine below does: only what hangs needs them. */
#define TEST_SECONDS 240
/* Milliseconds that a killed test may take to die before it is called unkillable. */
#define KILL_MS 10000

static struct test *tests;
static struct test **tests_tail = &tests;

void test_register(struct test *t)
{
	*tests_tail = t;
	tests_tail = &t->next;
}

static long env_number(const char *name, long fallback)
{
	const char *s = getenv(name);

	return s && atol(s) > 0 ? atol(s) : fallback;
}

u64 test_scale(u64 n)
{
	u64 scaled = n * (u64)env_number("WARREN_TEST_SCALE", 100) / 100;

	return scaled ? scaled : 1;
}

/* One write per line, so that lines of threads and children do not mix. */
static void emit(const char *prefix, const char *fmt, va_list ap)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "# %s", prefix);

	n += vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, n) < 0)
		_exit(KSFT_FAIL);
}

void test_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit("", fmt, ap);
	va_end(ap);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	char prefix[128];
	va_list ap;

	snprintf(prefix, sizeof(prefix), "%s:%d: ", file, line);
	va_start(ap, fmt);
	emit(prefix, fmt, ap);
	va_end(ap);
	_exit(KSFT_FAIL);
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit("SKIP ", fmt, ap);
	va_end(ap);
	_exit(KSFT_SKIP);
}

static int wait_ms(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int r;

	do {
		r = poll(&p, 1, ms);
	} while (r < 0 && errno == EINTR);
	return r;
}

/* The exit status of the child as a kselftest code; says on the way what went wrong. */
static int verdict(pid_t pid, const char *name)
{
	int status;

	if (waitpid(pid, &status, 0) != pid) {
		test_note("%s: waitpid: %s", name, strerror(errno));
		return KSFT_FAIL;
	}
	if (WIFSIGNALED(status)) {
		test_note("%s: died of signal %d", name, WTERMSIG(status));
		return KSFT_FAIL;
	}
	return WEXITSTATUS(status);
}

static int run_one(const struct test *t)
{
	long limit = env_number("WARREN_TEST_TIMEOUT", TEST_SECONDS);
	pid_t pid;
	int fd, r;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return KSFT_FAIL;
	if (!pid) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		t->run();
		_exit(KSFT_PASS);
	}
	setpgid(pid, pid);
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return KSFT_FAIL;
	if (wait_ms(fd, limit * 1000) == 0) {
		test_note("%s: hangs: no end within %ld s", t->name, limit);
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		if (wait_ms(fd, KILL_MS) == 0)
			test_note("%s: cannot be killed", t->name);
		else
			verdict(pid, t->name);
		r = KSFT_FAIL;
	} else {
		r = verdict(pid, t->name);
		kill(-pid, SIGKILL);
	}
	close(fd);
	return r;
}

static int selected(const struct test *t, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], t->name))
			return 1;
	return argc == 1;
}

static int count(int argc, char **argv)
{
	struct test *t;
	int n = 0;

	for (t = tests; t; t = t->next)
		n += selected(t, argc, argv);
	return n;
}

/*
 * KVM patches its host's kernel when the first VM comes and when the last one goes (static keys),
 * and QEMU's TCG now and then goes on seeing the breakpoint of that patching for ever: the emulated
 * host hangs. So hold one VM for as long as the program runs. Warren patches nothing, and there
 * each test is to be the first and the last.
 */
static void hold_a_vm(void)
{
	const char *path = getenv("WARREN_DEVICE");
	const char *base = path ? strrchr(path, '/') : NULL;
	int fd;

	if (!base || strcmp(base, "/kvm"))
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		ioctl(fd, _IO(0xAE, 0x01), 0ul);
}

int main(int argc, char **argv)
{
	int pass = 0, fail = 0, skip = 0, n = 0, r;
	struct test *t;

	if (argc == 2 && !strcmp(argv[1], "-l")) {
		for (t = tests; t; t = t->next)
			puts(t->name);
		return 0;
	}
	hold_a_vm();
	printf("TAP version 13\n1..%d\n", count(argc, argv));
	for (t = tests; t; t = t->next) {
		if (!selected(t, argc, argv))
			continue;
		r = run_one(t);
		pass += r == KSFT_PASS;
		skip += r == KSFT_SKIP;
		fail += r != KSFT_PASS && r != KSFT_SKIP;
		printf("%sok %d %s%s\n", r == KSFT_PASS || r == KSFT_SKIP ? "" : "not ", ++n,
		       t->name, r == KSFT_SKIP ? " # SKIP" : "");
	}
	printf("# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:%d error:0\n", pass, fail, skip);
	if (fail || !n)
		return KSFT_FAIL;
	return pass ? KSFT_PASS : KSFT_SKIP;
}
