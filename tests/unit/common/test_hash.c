/* SHA-256 against the examples that NIST publishes for FIPS 180-4, and hexadecimal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/hash.h"
#include "common/hash_rounds.h"

static void check(const void *data, size_t len, const char *expected) {
    char hex[65];
    sha256_hex(data, len, hex);
    assert_string_equal(hex, expected);
}

static void the_examples_of_nist_are_met(void **state) {
    (void)state;
    check("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    check(two_blocks, 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check("\xbd", 1, "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
}

static void lengths_around_the_block_size_are_padded_right(void **state) {
    (void)state;
    char zeros[64] = {0};
    check(zeros, 55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7");
    check(zeros, 56, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb");
    check(zeros, 57, "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785");
    check(zeros, 64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
}

static void a_million_letters_a_hash_to_the_published_value(void **state) {
    (void)state;
    CLEANUP_FREE char *text = xmalloc(1000000);
    memset(text, 'a', 1000000);
    check(text, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void pieces_of_any_size_give_the_same_digest(void **state) {
    (void)state;
    char text[300];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 7);
    char whole[65], pieces[65];
    sha256_hex(text, sizeof text, whole);
    for (size_t step = 1; step < 130; step++) {
        struct sha256 h;
        uint8_t digest[32];
        sha256_init(&h);
        for (size_t i = 0; i < sizeof text; i += step)
            sha256_update(&h, text + i, sizeof text - i < step ? sizeof text - i : step);
        sha256_final(&h, digest);
        hex_encode(digest, 32, pieces);
        assert_string_equal(pieces, whole);
    }
}

static void digest_of_fields(const char *a, const char *b, uint8_t out[32]) {
    struct sha256 h;
    sha256_init(&h);
    sha256_field(&h, a);
    sha256_field(&h, b);
    sha256_final(&h, out);
}

static void fields_do_not_run_into_each_other(void **state) {
    (void)state;
    uint8_t one[32], two[32];
    digest_of_fields("ab", "c", one);
    digest_of_fields("a", "bc", two);
    assert_memory_not_equal(one, two, 32);
    digest_of_fields("", "", one);
    digest_of_fields(NULL, "", two);
    assert_memory_not_equal(one, two, 32);
}

static void the_processors_own_rounds_and_ours_give_the_same(void **state) {
    (void)state;
    uint8_t blocks[7 * 64];
    uint32_t fast[8], plain[8];
    for (size_t i = 0; i < sizeof blocks; i++) blocks[i] = (uint8_t)(i * i * 31 + i);
    for (uint32_t i = 0; i < 8; i++) fast[i] = plain[i] = i * 0x9e3779b9 + 1;
    for (size_t n = 1; n <= 7; n++) {
        sha256_compress(fast, blocks, n);
        sha256_compress_portable(plain, blocks, n);
        assert_memory_equal(fast, plain, sizeof fast);
    }
}

static void hexadecimal_goes_there_and_back(void **state) {
    (void)state;
    uint8_t bytes[3] = {0x00, 0xaf, 0xff}, back[3];
    char hex[7];
    hex_encode(bytes, 3, hex);
    assert_string_equal(hex, "00afff");
    assert_int_equal(hex_decode("00AFff", back, 3), 0);
    assert_memory_equal(bytes, back, 3);
}

static void wrong_hexadecimal_is_refused(void **state) {
    (void)state;
    uint8_t out[2];
    assert_int_equal(hex_decode("00ff0", out, 2), -1);
    assert_int_equal(hex_decode("00f", out, 2), -1);
    assert_int_equal(hex_decode("00fg", out, 2), -1);
    assert_int_equal(hex_decode("", out, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_nist_are_met),
        cmocka_unit_test(lengths_around_the_block_size_are_padded_right),
        cmocka_unit_test(a_million_letters_a_hash_to_the_published_value),
        cmocka_unit_test(pieces_of_any_size_give_the_same_digest),
        cmocka_unit_test(fields_do_not_run_into_each_other),
        cmocka_unit_test(the_processors_own_rounds_and_ours_give_the_same),
        cmocka_unit_test(hexadecimal_goes_there_and_back),
        cmocka_unit_test(wrong_hexadecimal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
