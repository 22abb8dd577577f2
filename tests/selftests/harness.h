/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small TAP harness. Each TEST() runs in a forked child in a process group of its own, with a
 * time limit: a crash, an exit, a failed check or a hang fails that test and no other.
 */
#ifndef SELFTESTS_HARNESS_H
#define SELFTESTS_HARNESS_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *t);

/* Defines and registers one test: TEST(name) { body }. */
#define TEST(id)							\
	static void test_##id(void);					\
	static struct test reg_##id = { .name = #id, .run = test_##id };	\
	static void __attribute__((constructor)) ctor_##id(void)		\
	{								\
		test_register(&reg_##id);				\
	}								\
	static void test_##id(void)

/* Ends the test (from any thread of its child) as failed or as skipped, with a diagnostic. */
void __attribute__((noreturn, format(printf, 3, 4)))
test_fail(const char *file, int line, const char *fmt, ...);
void __attribute__((noreturn, format(printf, 1, 2))) test_skip(const char *fmt, ...);
/* A diagnostic line that does not end the test. */
void __attribute__((format(printf, 1, 2))) test_note(const char *fmt, ...);

/* n loops at WARREN_TEST_SCALE=100, fewer (never 0) on slow hosts. */
u64 test_scale(u64 n);

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define SKIP(...) test_skip(__VA_ARGS__)

#define CHECK(cond)							\
	do {								\
		if (!(cond))						\
			FAIL("expected %s", #cond);			\
	} while (0)

#define CHECK_EQ(got, want)						\
	do {								\
		u64 got_ = (u64)(got), want_ = (u64)(want);		\
		if (got_ != want_)					\
			FAIL("%s: expected %#llx (%s), got %#llx", #got,	\
			     (unsigned long long)want_, #want,		\
			     (unsigned long long)got_);			\
	} while (0)

/* The system call succeeds; the value is its result. */
#define CHECK_OK(call)							\
	({								\
		long ret_ = (long)(call);				\
		if (ret_ < 0)						\
			FAIL("%s: expected success, got %ld, errno %d (%s)",	\
			     #call, ret_, errno, strerror(errno));	\
		ret_;							\
	})

/* The system call fails with this errno. */
#define CHECK_ERR(call, err)						\
	do {								\
		long ret_;						\
		errno = 0;						\
		ret_ = (long)(call);					\
		if (ret_ != -1)						\
			FAIL("%s: expected errno %s, got result %ld",	\
			     #call, #err, ret_);			\
		if (errno != (err))					\
			FAIL("%s: expected errno %s, got %d (%s)",	\
			     #call, #err, errno, strerror(errno));	\
	} while (0)

#endif
