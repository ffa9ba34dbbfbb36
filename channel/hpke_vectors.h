/* SPDX-License-Identifier: Apache-2.0 */
/* Published test vectors of RFC 9180, hexadecimal, as numbers that two implementations must share.
 * Those with AES-128-GCM are from the RFC's appendix (A.1 and A.3). Those with AES-256-GCM are from the
 * file that the RFC names as [TestVectors], test-vectors.json of draft-irtf-cfrg-hpke at commit
 * 5f503c564da00b0687b3de75f1dfbdfc4079ad31, as BoringSSL's crypto/hpke/hpke_test_vectors.txt repeats
 * it; that has none for P-256 in auth mode. All have HKDF-SHA256, the same info and plaintext, the
 * associated data "Count-N", and export 32 bytes for the contexts "", 00 and "TestContext". */
#pragma once

#include <stddef.h>

#include "channel/hpke.h"

#define VECTOR_INFO      "4f6465206f6e2061204772656369616e2055726e"
#define VECTOR_PLAINTEXT "4265617574792069732074727574682c20747275746820626561757479"

struct hpke_vector {
    const char *name;
    enum hpke_mode mode;
    struct hpke_suite suite;
    /* NULL where the source leaves it out. */
    const char *ikm_e, *ikm_r, *ikm_s;
    const char *sk_e, *sk_r, *sk_s;
    const char *pk_e /* also enc */, *pk_r, *pk_s;
    const char *key, *base_nonce, *exporter_secret;
    struct {
        unsigned sequence;
        const char *ciphertext;
    } encryptions[6];
    const char *exports[3];
};

static const struct hpke_vector hpke_vectors[] = {
    {
        .name = "A.1.1: X25519, AES-128-GCM, base",
        .mode = HPKE_MODE_BASE,
        .suite = {HPKE_KEM_X25519, HPKE_AES_128_GCM},
        .ikm_e = "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234",
        .pk_e = "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
        .sk_e = "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
        .ikm_r = "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037",
        .pk_r = "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
        .sk_r = "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
        .key = "4531685d41d65f03dc48f6b8302c05b0",
        .base_nonce = "56d890e5accaaf011cff4b7d",
        .exporter_secret = "45ff1c2e220db587171952c0592d5f5ebe103f1561a2614e38f2ffd47e99e3f8",
        .encryptions = {{0, "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9"
                            "6d8770ac83d07bea87e13c512a"},
                        {1, "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab25"
                            "1c03d0c22a56b8ca42c2063b84"},
                        {2, "498dfcabd92e8acedc281e85af1cb4e3e31c7dc394a1ca20e173cb7251649158"
                            "8d96a19ad4a683518973dcc180"},
                        {4, "583bd32bc67a5994bb8ceaca813d369bca7b2a42408cddef5e22f880b631215a"
                            "09fc0012bc69fccaa251c0246d"},
                        {255, "7175db9717964058640a3a11fb9007941a5d1757fda1a6935c805c21af32505b"
                              "f106deefec4a49ac38d71c9e0a"},
                        {256, "957f9800542b0b8891badb026d79cc54597cb2d225b54c00c5238c25d05c30e3"
                              "fbeda97d2e0e1aba483a2df9f2"}},
        .exports = {"3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee",
                    "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5",
                    "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931"},
    },
    {
        .name = "A.1.3: X25519, AES-128-GCM, auth",
        .mode = HPKE_MODE_AUTH,
        .suite = {HPKE_KEM_X25519, HPKE_AES_128_GCM},
        .ikm_e = "6e6d8f200ea2fb20c30b003a8b4f433d2f4ed4c2658d5bc8ce2fef718059c9f7",
        .pk_e = "23fb952571a14a25e3d678140cd0e5eb47a0961bb18afcf85896e5453c312e76",
        .sk_e = "ff4442ef24fbc3c1ff86375b0be1e77e88a0de1e79b30896d73411c5ff4c3518",
        .ikm_r = "f1d4a30a4cef8d6d4e3b016e6fd3799ea057db4f345472ed302a67ce1c20cdec",
        .pk_r = "1632d5c2f71c2b38d0a8fcc359355200caa8b1ffdf28618080466c909cb69b2e",
        .sk_r = "fdea67cf831f1ca98d8e27b1f6abeb5b7745e9d35348b80fa407ff6958f9137e",
        .ikm_s = "94b020ce91d73fca4649006c7e7329a67b40c55e9e93cc907d282bbbff386f58",
        .pk_s = "8b0c70873dc5aecb7f9ee4e62406a397b350e57012be45cf53b7105ae731790b",
        .sk_s = "dc4a146313cce60a278a5323d321f051c5707e9c45ba21a3479fecdf76fc69dd",
        .key = "b062cb2c4dd4bca0ad7c7a12bbc341e6",
        .base_nonce = "a1bc314c1942ade7051ffed0",
        .exporter_secret = "ee1a093e6e1c393c162ea98fdf20560c75909653550540a2700511b65c88c6f1",
        .encryptions = {{0, "5fd92cc9d46dbf8943e72a07e42f363ed5f721212cd90bcfd072bfd9f44e06b8"
                            "0fd17824947496e21b680c141b"},
                        {1, "d3736bb256c19bfa93d79e8f80b7971262cb7c887e35c26370cfed62254369a1"
                            "b52e3d505b79dd699f002bc8ed"},
                        {2, "122175cfd5678e04894e4ff8789e85dd381df48dcaf970d52057df2c9acc3b12"
                            "1313a2bfeaa986050f82d93645"},
                        {4, "dae12318660cf963c7bcbef0f39d64de3bf178cf9e585e756654043cc5059873"
                            "bc8af190b72afc43d1e0135ada"},
                        {255, "55d53d85fe4d9e1e97903101eab0b4865ef20cef28765a47f840ff99625b7d69"
                              "dee927df1defa66a036fc58ff2"},
                        {256, "42fa248a0e67ccca688f2b1d13ba4ba84755acf764bd797c8f7ba3b9b1dc3330"
                              "326f8d172fef6003c79ec72319"}},
        .exports = {"28c70088017d70c896a8420f04702c5a321d9cbf0279fba899b59e51bac72c85",
                    "25dfc004b0892be1888c3914977aa9c9bbaf2c7471708a49e1195af48a6f29ce",
                    "5a0131813abc9a522cad678eb6bafaabc43389934adb8097d23c5ff68059eb64"},
    },
    {
        .name = "A.3.1: P-256, AES-128-GCM, base",
        .mode = HPKE_MODE_BASE,
        .suite = {HPKE_KEM_P256, HPKE_AES_128_GCM},
        .ikm_e = "4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e",
        .pk_e = "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b32"
                "5ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4",
        .sk_e = "4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb",
        .ikm_r = "668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550",
        .pk_r = "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f70"
                "6a826a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0",
        .sk_r = "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2",
        .key = "868c066ef58aae6dc589b6cfdd18f97e",
        .base_nonce = "4e0bc5018beba4bf004cca59",
        .exporter_secret = "14ad94af484a7ad3ef40e9f3be99ecc6fa9036df9d4920548424df127ee0d99f",
        .encryptions = {{0, "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f"
                            "9076ac232e3ab2523f39513434"},
                        {1, "fa6f037b47fc21826b610172ca9637e82d6e5801eb31cbd3748271affd4ecb06"
                            "646e0329cbdf3c3cd655b28e82"},
                        {2, "895cabfac50ce6c6eb02ffe6c048bf53b7f7be9a91fc559402cbc5b8dcaeb52b"
                            "2ccc93e466c28fb55fed7a7fec"},
                        {4, "8787491ee8df99bc99a246c4b3216d3d57ab5076e18fa27133f520703bc70ec9"
                            "99dd36ce042e44f0c3169a6a8f"},
                        {255, "2ad71c85bf3f45c6eca301426289854b31448bcf8a8ccb1deef3ebd87f60848a"
                              "a53c538c30a4dac71d619ee2cd"},
                        {256, "10f179686aa2caec1758c8e554513f16472bd0a11e2a907dde0b212cbe87d74f"
                              "367f8ffe5e41cd3e9962a6afb2"}},
        .exports = {"5e9bc3d236e1911d95e65b576a8a86d478fb827e8bdfe77b741b289890490d4d",
                    "6cff87658931bda83dc857e6353efe4987a201b849658d9b047aab4cf216e796",
                    "d8f1ea7942adbba7412c6d431c62d01371ea476b823eb697e1f6e6cae1dab85a"},
    },
    {
        .name = "A.3.3: P-256, AES-128-GCM, auth",
        .mode = HPKE_MODE_AUTH,
        .suite = {HPKE_KEM_P256, HPKE_AES_128_GCM},
        .ikm_e = "798d82a8d9ea19dbc7f2c6dfa54e8a6706f7cdc119db0813dacf8440ab37c857",
        .pk_e = "042224f3ea800f7ec55c03f29fc9865f6ee27004f818fcbdc6dc68932c1e52"
                "e15b79e264a98f2c535ef06745f3d308624414153b22c7332bc1e691cb4af4d53454",
        .sk_e = "6b8de0873aed0c1b2d09b8c7ed54cbf24fdf1dfc7a47fa501f918810642d7b91",
        .ikm_r = "7bc93bde8890d1fb55220e7f3b0c107ae7e6eda35ca4040bb6651284bf0747ee",
        .pk_r = "04423e363e1cd54ce7b7573110ac121399acbc9ed815fae03b72ffbd4c18b0"
                "1836835c5a09513f28fc971b7266cfde2e96afe84bb0f266920e82c4f53b36e1a78d",
        .sk_r = "d929ab4be2e59f6954d6bedd93e638f02d4046cef21115b00cdda2acb2a4440e",
        .ikm_s = "874baa0dcf93595a24a45a7f042e0d22d368747daaa7e19f80a802af19204ba8",
        .pk_s = "04a817a0902bf28e036d66add5d544cc3a0457eab150f104285df1e293b5c1"
                "0eef8651213e43d9cd9086c80b309df22cf37609f58c1127f7607e85f210b2804f73",
        .sk_s = "1120ac99fb1fccc1e8230502d245719d1b217fe20505c7648795139d177f0de9",
        .key = "19aa8472b3fdc530392b0e54ca17c0f5",
        .base_nonce = "b390052d26b67a5b8a8fcaa4",
        .exporter_secret = "f152759972660eb0e1db880835abd5de1c39c8e9cd269f6f082ed80e28acb164",
        .encryptions = {{0, "82ffc8c44760db691a07c5627e5fc2c08e7a86979ee79b494a17cc3405446ac2"
                            "bdb8f265db4a099ed3289ffe19"},
                        {1, "b0a705a54532c7b4f5907de51c13dffe1e08d55ee9ba59686114b05945494d96"
                            "725b239468f1229e3966aa1250"},
                        {2, "8dc805680e3271a801790833ed74473710157645584f06d1b53ad439078d880b"
                            "23e25256663178271c80ee8b7c"},
                        {4, "04c8f7aae1584b61aa5816382cb0b834a5d744f420e6dffb5ddcec633a21b8b3"
                            "472820930c1ea9258b035937a2"},
                        {255, "4a319462eaedee37248b4d985f64f4f863d31913fe9e30b6e13136053b69fe5d"
                              "70853c84c60a84bb5495d5a678"},
                        {256, "28e874512f8940fafc7d06135e7589f6b4198bc0f3a1c64702e72c9e6abaf9f0"
                              "5cb0d2f11b03a517898815c934"}},
        .exports = {"837e49c3ff629250c8d80d3c3fb957725ed481e59e2feb57afd9fe9a8c7c4497",
                    "594213f9018d614b82007a7021c3135bda7b380da4acd9ab27165c508640dbda",
                    "14fe634f95ca0d86e15247cca7de7ba9b73c9b9deb6437e1c832daf7291b79d5"},
    },
    {
        .name = "X25519, AES-256-GCM, base",
        .mode = HPKE_MODE_BASE,
        .suite = {HPKE_KEM_X25519, HPKE_AES_256_GCM},
        .ikm_e = "2cd7c601cefb3d42a62b04b7a9041494c06c7843818e0ce28a8f704ae7ab20f9",
        .pk_e = "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256",
        .sk_e = "179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11",
        .ikm_r = "dac33b0e9db1b59dbbea58d59a14e7b5896e9bdf98fad6891e99d1686492b9ee",
        .pk_r = "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c",
        .sk_r = "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d",
        .encryptions = {{0, "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be99319"
                            "80a41de125a925cdad859d5b7a"},
                        {1, "2c43aff25343fdbff864506f0818b9d87df84ea01b1a2144d23b4d40c26bf655"
                            "fdf197fe40297a8aebeed5cc2d"},
                        {2, "e0a8f2cf92ff61215edbb8c55dc31fe9e2eb42a5685867bb6854211542099f9e"
                            "940c4b41c192bc390835b1a5f7"},
                        {4, "448a8892f261cbb6bf5b7b64a4fae8a2c86492494b069c10525895d871c27c2f"
                            "12cd17e0588fedaba9f7b0cd4c"},
                        {255, "f6ad1823eb0b932d04b6e23010eea64f1fe5edd0583dae5ba27ca6363f4ea104"
                              "bd217331460ef4208040423641"},
                        {256, "53624f4f9f173453b14e633b45390ff54cacaa4428d44baee1bff8133fab1ab3"
                              "afe60f88e4634b525c54e92eda"}},
        .exports = {"ded6cffafaea6b812cbf3e241e88332adbc077aca81512914213810ee291770a",
                    "04d3cb6cc116b28ffd22ad5bc276c60d31fec71ceb87ae24db811c64b7507339",
                    "7c5ded445732c14fe09727d29b4251c0fd38455fe8440571e687f0886aac94d2"},
    },
    {
        .name = "X25519, AES-256-GCM, auth",
        .mode = HPKE_MODE_AUTH,
        .suite = {HPKE_KEM_X25519, HPKE_AES_256_GCM},
        .ikm_e = "734369ab3061f71ee85e090fae308553cac8e7b3fbd45b4ba83d05e0cd05b1c4",
        .pk_e = "9e59f4b1fa5c876f684765290c34e51145894cc4f244342b9fb1a4bdfd8bb426",
        .sk_e = "805b278cabd22c9dbd461bf25771703eda4950ed3ef35b369163097899555356",
        .ikm_r = "f59761a1e479c2a291b91a5af2b35dd2cace1b2042b570f88a16b226f6f30774",
        .pk_r = "3668d659cec6f338f4f8dc6da6733118d2a633f186a3c1415c895111a8eb7c7d",
        .sk_r = "47f1eee3670dfaaf27c30a83d06ee9f257af174727c17b35328ef730dfc1cd81",
        .pk_s = "4a91c3d0893433f5e31a79fc520f885527a1bc60bf2b0c72693dd7f0b2e41a5a",
        .sk_s = "98fdf9b9773578a79d4ba82fbe483c74cc2e3b8d9525d148a18969fd79a74876",
        .encryptions = {{0, "10b964283ac2cc0bdc4c85ab617291b446bf3832e9359b2c3a0facc50ea75a3c"
                            "1afd08aeaacd6041d02eb560ec"},
                        {1, "83b24287a5ac672289ccebf5ec303d3c0a85bc60bb7a748014d85179b51c7552"
                            "ca93a70817ee3140442f92e23b"},
                        {2, "f42d890891825c1a57dea5a66baf2c940126704682826bc7c5caee60ca71578d"
                            "767db256b0c2a4051bef1236f7"},
                        {4, "470a09a528036f80a2f1e23bced44551e5da71dff490bd7de6e01e2eb412cfe6"
                            "9be650b201f10e55a9c289e712"}},
    },
    {
        .name = "P-256, AES-256-GCM, base",
        .mode = HPKE_MODE_BASE,
        .suite = {HPKE_KEM_P256, HPKE_AES_256_GCM},
        .ikm_e = "a90d3417c3da9cb6c6ae19b4b5dd6cc9529a4cc24efb7ae0ace1f31887a8cd6c",
        .pk_e = "04c06b4f6bebc7bb495cb797ab753f911aff80aefb86fd8b6fcc35525f3ab5f03e"
                "0b21bd31a86c6048af3cb2d98e0d3bf01da5cc4c39ff5370d331a4f1f7d5a4e0",
        .sk_e = "90345e3a1d116c1dd39ae76d95ab858c142223a63e44f8f85318cfa91a84858e",
        .ikm_r = "a0ce15d49e28bd47a18a97e147582d814b08cbe00109fed5ec27d1b4e9f6f5e3",
        .pk_r = "04abc7e49a4c6b3566d77d0304addc6ed0e98512ffccf505e6a8e3eb25c685136f"
                "853148544876de76c0f2ef99cdc3a05ccf5ded7860c7c021238f9e2073d2356c",
        .sk_r = "317f915db7bc629c48fe765587897e01e282d3e8445f79f27f65d031a88082b2",
        .encryptions = {{0, "58c61a45059d0c5704560e9d88b564a8b63f1364b8d1fcb3c4c6ddc1d2917424"
                            "65e902cd216f8908da49f8f96f"},
                        {1, "b4e7c90d1dd62cb563694956eb517ab55d5e7d1f6366a0066c04ababaa444dba"
                            "f60a30d7bb7d3e91b969762dee"},
                        {2, "65463cc0e5fd16e1650a55fb37d5b6fe6e5ac5b6f6e8c2640cfb0fcd528dc37b"
                            "c0963b5c53d6238c42d447ddf4"},
                        {4, "8537ff19240d613badd398dbeedf0338ca9f549bad6775ae8c3a672666057f67"
                            "09e0931155cd1cae7071c6fd27"}},
    },
};
