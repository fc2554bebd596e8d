package ledger

import (
	"encoding/hex"
	"strings"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// gitSamples are the BLAKE3 digests of the sample hooks that git init copies into
// each repository, by their name: every content that templates/hooks of git's
// source had since the samples have their suffix (2008, f98f8cbac0), up to November
// 2026, with /bin/sh and /usr/bin/perl as templates/Makefile puts them in.
var gitSamples = map[string]string{
	"b3c40deed0a5a457431cf0c7c16611fd5bc3a07398393a108d3d234529c2770e": "applypatch-msg",
	"e1b0bbce73c565f0ff35eca4359a51f63a94ee6f3e1ad0fe738f59090a4dbec4": "applypatch-msg",
	"0cdde05c6e294678ed7afa062935c4a462037374688ffc74d134593a86ab88dc": "commit-msg",
	"2916fb1a35f3a2a754ffaea461d4ad46a7f0da0317e22e7f6d748c19949c8953": "commit-msg",
	"78fb1e96b042a46a1c754b9a2342ba324d0a7280670f6a2a50c4fb3b62f6f902": "commit-msg",
	"048949c3a747ea8b057fad001d12c4e3672c88d69e211fcac5da1a404d406d03": "fsmonitor-watchman",
	"07e1993401587f1377f0a8da88af315865ff7df002787b032d94b8de4b820cc4": "fsmonitor-watchman",
	"0fc14310827f4b1835ea391c06d470ebbe249e5e7c9fec302adce0f054423367": "fsmonitor-watchman",
	"10c8cf986c6d9e8d41565a145c7157d75a8def67eb99c321fdb254e78eca5c31": "fsmonitor-watchman",
	"3265af84f150ff2bb66df7540621a22d31dcee684a64c63b4927b901ad230a62": "fsmonitor-watchman",
	"5ceeb4b505e5b44616f3898ea676ebd09e42852b65fbba73e58440b8134a0ec6": "fsmonitor-watchman",
	"6af0c44cdc9e0284104e481bba43bc88c61cb77a53d16fdb6028bc6bdd3e4cf3": "fsmonitor-watchman",
	"930bf1c7f1731ff8fa12cf76eb30d4c79953e5e8c7adadea0d83df4362e1d520": "fsmonitor-watchman",
	"b0007248084982a5d31af57768bbc6baac354fcbd950821cd527456a1faaa843": "fsmonitor-watchman",
	"da8ea7f1be280451322b7a2ec54474dc7d70f7d9406456fd9b616776b0e91787": "fsmonitor-watchman",
	"992f105ba569baffc065e18972630438c1242d6b5bb69cefe01f598428fee987": "post-update",
	"caf2c6881d53093adb6f02245444fd07a280645d2e79f4f338a4765887577195": "post-update",
	"25ac0c63124e2cc51b0b0f246485a1dad8a9e868435e1e89c86596e2f72c11a0": "pre-applypatch",
	"92d9302b5f429f5b48c5f923e998d4e9b38996a7136065bfd8124b10151c81f8": "pre-applypatch",
	"47094bab9b4664051d176a16ca65e2112e5379c5b145c9ed3d618dc55e932101": "pre-commit",
	"5d42e80f125b9939a776ec8d76867e917aa99135a8008c885d9ba1d2e041f8c7": "pre-commit",
	"5e394f3457e233a6a6e22141aa02de4e3f24ef90994aaf1329aac003aa7f23df": "pre-commit",
	"67d5e58137e0e2914fcfca74e483faee2499f1bd774a4d185037f394034fdaf0": "pre-commit",
	"6a0624e60f0c502c52e83c37e47698307c83729c41bdaeb432f1676db0260eaf": "pre-commit",
	"8478f305d4ce3140994fdd77bed03a9910f8a1dc681a3583ab52633386464f18": "pre-commit",
	"877ee39dac98d090d6be58fd796a5765a34adea0e1b03a39404864e40e1999fc": "pre-commit",
	"9497d9fec670264905866f90488fbe1b7f20e2d6588a038e217d21924f9280ab": "pre-commit",
	"9b6d74024a373c882cc140bf85fc536052b852a1fffc9796a30f9d00dff08637": "pre-commit",
	"a17fdd51897e5a01776c6142859ff6024f17a2d6384ea24843c906bc838b9700": "pre-commit",
	"a4165343c24bc53cc4df9fd74cb2243528063a19a5e428f2fc9246170024dfd0": "pre-commit",
	"b7c6eaef010fa4dc7e4ece8069dbdaf5ad0f33ed11fd618bbd3a2425d3f461b8": "pre-commit",
	"c73c30971802a52520450b6662349339fde0f5818e5b26314652c01c612e005b": "pre-commit",
	"f1326393d023795125eedf8c7f045095ab1bdea8440a0056ae20acd77c167dc8": "pre-commit",
	"fba08d4fd91121661a3fb3947f1e18925a78f1a94ceacdcc2554e5186801f62a": "pre-commit",
	"b5935999ae5116c0bd8eb3eab71cd3eb135a5ba9c34883d2f4a8743a19b2e4ea": "pre-merge-commit",
	"3772b8cbdd674ea6d92f0d02166c736efd863d44f25bd3f44173c9c10b756dc8": "pre-push",
	"4956a83ec2524d1cbf18736096fc84f27ccae1f15d517aba172cea322e47c754": "pre-push",
	"84d62f6ab7604c2f90e5cf9e46a7cdd2b68c5ade1961ee7f41bee03ef4db8cd8": "pre-push",
	"8a89951d082f0c5768867dffdddf6ce7d8c32001e38d5dcb43559fc997bfa15d": "pre-push",
	"9995042fdc515df6c335b560d88334f5fce224acd0458809de0f976ccfec33a0": "pre-push",
	"f3affd51c5b2a463ad4925a23dbb39080299ee43fdc9859ffa61f3071ecdeda4": "pre-push",
	"3952e64aa1f04d83a3a7f3829c3c755e32f281ff61e275630a09fa6fbbe696a7": "pre-rebase",
	"416d0806e2ade486e8e3dcdf356001d1a8c44cf182ae6526deae00e301c5510f": "pre-rebase",
	"555b05cf21b14538f106e37cc7f00996017e408b96062ee1516a1af6b1d66880": "pre-rebase",
	"7393e47c9bdd8d235c943969b7a4ae1585da011440199a3a6b8d7681f9e2983b": "pre-rebase",
	"835104a2b89a3641f948adb1f742bf5a3092918da7e39cc336e1c49e557c8cfb": "pre-rebase",
	"a81c361d5bca20e01ec23432873485fa288789b43215deded7be4a04e33d91ca": "pre-receive",
	"02818f2f31842d57e9529f584fdfc8e517dd84bf9af6052c93e90b1ea83f9514": "prepare-commit-msg",
	"2584d6af1323f941bd6b539600c230028e41e8447be97c93f2a5f1729b1468a3": "prepare-commit-msg",
	"36fa0b066e5d1e84a4635ce870cde8f4c08cd4b1232a4e6f8c9bf9bc85657e49": "prepare-commit-msg",
	"5617e367a0364d935440ca3fc98686deaad6bc72a76f5fefdff3d559e2c42c58": "prepare-commit-msg",
	"5f9a06a009d9438dc6e84534f89d3096ffc226da94f6c67ba86d2cbf246b0577": "prepare-commit-msg",
	"79ae404e4954a08954c188a263dd2615735585e342aefd17b8014d1fd7f086ba": "prepare-commit-msg",
	"b01bdd7367bc459128343bac3c7b3a468110b5aad9b6709ab6452e78fea1f18e": "prepare-commit-msg",
	"b3cac0a5b0bdeb221d6a2509e13162e263ab7573d8c86d77188459f75a852feb": "prepare-commit-msg",
	"bd2c1595c398a89426424da4a58a384edff6f027012daceb9d5c0e1ce456d029": "prepare-commit-msg",
	"3aa6abcd20b772fb2d5fd41ed0094446537cc914b3fc5a3a8d8435bc5cf9383a": "push-to-checkout",
	"e07d7b9375ac5a17bb7c8442e32a300710b29c550fe000451668e10c5fc1fed4": "sendemail-validate",
	"00338be8fd32ce19ec45c21d702168e817ddc8ac7a79cccaba0bab56f14fb188": "update",
	"060d8ec9f1bbfdcc4db42bd059c382b378151c3b7ec9d32c001e5e7cb2911d68": "update",
	"2af6e2abc385c2d06f70d120196f49580e4497e8b8bcd077cf366096bbbb60d0": "update",
	"2f1cf990bdce48715906a1582a46a644dfa24a4a65d0f2d3f8bc1d7ec053b15d": "update",
	"44405322ff45e1f47f2b3968644cb678ed7b393a2ff57fcde0a509fa7189fa8d": "update",
	"742f28a1969d764ae61ab3f3c76aae9d66c08bba6bc0eeaec1250565f54d6d66": "update",
	"c6b8b77a4b49f6b6554ff4b437c2735757e0998aa4e3c3e3f8cf278a04555e9d": "update",
	"e489485b02372c2ea48f9143d42a95b0b763edb20f87a379fd2c07ef225c4318": "update",
	"f81cc84fb13403dad1adad43b5dfc65d260824f0632522e5eced3242cee15d72": "update",
}

// templateHooks is where packages of git have the samples.
const templateHooks = "/usr/share/git-core/templates/hooks/"

// gitSample reports whether a file is a sample hook as git has it: git never runs
// a file of that name, and another program that does runs what git wrote.
func (e *engine) gitSample(n rootfs.Node) bool {
	name, ok := strings.CutSuffix(e.tree.Name(n), ".sample")
	f := &e.nodes[n]
	if !ok || !f.summed || e.tree.Kind(n) != rootfs.File || f.mode&setID != 0 || e.tree.Name(e.tree.Parent(n)) != "hooks" {
		return false
	}
	if gitSamples[hex.EncodeToString(f.sum[:])] == name {
		return true
	}
	m := e.tree.Resolve(templateHooks + name + ".sample")
	return m != rootfs.None && m != n && e.vouched(m) && e.nodes[m].sum == f.sum && e.nodes[m].summed
}
