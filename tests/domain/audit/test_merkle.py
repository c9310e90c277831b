"""The Merkle tree against the vectors of Certificate Transparency and against trees built by the definition."""

import hashlib

import pytest

from collateral_registry.domain.audit.merkle import EMPTY_ROOT, Tree, extends, includes, leaf_hash, root_of

DATA = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
"""The eight leaves that implementations of Certificate Transparency are tested with."""

ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(data) for data in DATA]
MANY = [leaf_hash(bytes([number // 256, number % 256])) for number in range(40)]


def tree_of(leaves):
    return Tree(lambda start, end: leaves[start:end])


def by_definition(leaves):
    """Returns the root by the recursive definition of RFC 9162, 2.1.1."""
    if len(leaves) == 1:
        return leaves[0]
    middle = max(1 << power for power in range(20) if 1 << power < len(leaves))
    return hashlib.sha256(b"\x01" + by_definition(leaves[:middle]) + by_definition(leaves[middle:])).digest()


def test_roots_are_those_of_the_vectors():
    assert [tree_of(LEAVES).root(size).hex() for size in range(1, 9)] == ROOTS
    assert tree_of([]).root(0) == EMPTY_ROOT == bytes.fromhex(
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 1, []),
        (0, 8, [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]),
        (5, 8, [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (1, 5, [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ]),
    ],
)  # fmt: skip
def test_inclusion_proofs_are_those_of_the_vectors(index, size, path):
    assert [one.hex() for one in tree_of(LEAVES).inclusion(index, size)] == path


@pytest.mark.parametrize(
    ("old", "size", "path"),
    [
        (1, 1, []),
        (1, 8, [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]),
        (6, 8, [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]),
        (2, 5, [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ]),
    ],
)  # fmt: skip
def test_consistency_proofs_are_those_of_the_vectors(old, size, path):
    assert [one.hex() for one in tree_of(LEAVES).consistency(old, size)] == path


def test_every_proof_of_every_small_tree_holds_and_no_other_root_or_leaf():
    tree = tree_of(MANY)
    for size in range(1, len(MANY) + 1):
        root = tree.root(size)
        assert root == by_definition(MANY[:size]) == root_of(MANY[:size])
        for index in range(size):
            proof = tree.inclusion(index, size)
            assert includes(MANY[index], index, size, proof, root)
            assert not includes(leaf_hash(b"other"), index, size, proof, root)
            assert not includes(MANY[index], index, size, [*proof, root], root)
        for old in range(1, size + 1):
            proof, earlier = tree.consistency(old, size), tree.root(old)
            assert extends(old, earlier, size, root, proof)
            assert not extends(old, leaf_hash(b"other"), size, root, proof)
            assert not extends(old, earlier, size, leaf_hash(b"other"), proof)
            assert not extends(old, earlier, size, root, [*proof, root])


def test_a_large_tree_reads_the_leaves_of_complete_subtrees_once():
    leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(3_000)]
    read = []

    def counted(start, end):
        read.append(end - start)
        return leaves[start:end]

    tree = Tree(counted)
    assert tree.root(3_000) == by_definition(leaves)
    read.clear()
    proof = tree.inclusion(2_990, 3_000)
    assert includes(leaves[2_990], 2_990, 3_000, proof, tree.root(3_000))
    assert sum(read) < 1_000


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_outside_the_tree_has_no_proof(index, size):
    assert not includes(LEAVES[0], index, size, [], LEAVES[0])
    with pytest.raises(ValueError, match="index"):
        tree_of(LEAVES).inclusion(index, size)
