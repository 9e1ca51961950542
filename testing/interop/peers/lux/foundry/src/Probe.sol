// SPDX-License-Identifier: MIT OR Apache-2.0
// Does one thing of each sort that can go differently on two implementations.
pragma solidity ^0.8.30;

contract Child {
    uint256 public immutable seed;
    address public immutable parent;

    constructor(uint256 seed_) payable {
        require(seed_ % 7 != 6, "a child of an unlucky seed");
        seed = seed_;
        parent = msg.sender;
    }

    function leave(address payable to) external {
        selfdestruct(to);
    }
}

contract Probe {
    event Stored(uint256 indexed key, uint256 value);
    event Noted(address indexed who, bytes32 indexed topic, bytes data);
    event Born(address child, uint256 value);

    error Refused(uint256 code, string reason);

    mapping(uint256 => uint256) public slots;
    uint256 public count;
    uint256[] public list;
    // Of no contract but this: what delegated accounts write goes to their own storage.
    bytes32 public mark;

    receive() external payable {}

    function store(uint256 key, uint256 value) external {
        slots[key] = value;
        count += 1;
        emit Stored(key, value);
    }

    function fill(uint256 first, uint256 number, uint256 value) external {
        for (uint256 i = 0; i < number; i++) slots[first + i] = value;
        emit Stored(first, number);
    }

    function push(uint256 value) external {
        list.push(value);
    }

    function pop() external {
        list.pop();
    }

    function note(bytes32 topic, bytes calldata data) external {
        emit Noted(msg.sender, topic, data);
        assembly {
            log0(0, 0)
        }
    }

    function fail(uint256 kind) external {
        slots[kind] = 1;
        if (kind == 0) revert("said why");
        if (kind == 1) revert Refused(kind, "an error of its own");
        if (kind == 2) assert(false);
        if (kind == 3) count = 1 / (kind - 3);
        if (kind == 4) list[99] = 1;
        if (kind == 5) assembly { invalid() }
        if (kind == 6) assembly { revert(0, 0) }
        while (true) slots[kind]++;
    }

    function guarded(uint256 kind) external returns (bool done, bytes memory said) {
        (done, said) = address(this).call{gas: 60000}(abi.encodeCall(this.fail, (kind)));
        emit Noted(address(this), bytes32(kind), said);
    }

    function breed(uint256 seed, uint256 value) external {
        Child child = new Child{value: value}(seed);
        emit Born(address(child), value);
    }

    function breedAt(bytes32 salt, uint256 seed) external {
        try new Child{salt: salt}(seed) returns (Child child) {
            emit Born(address(child), seed);
        } catch (bytes memory said) {
            emit Noted(address(this), salt, said);
        }
    }

    // EIP-6780: gone in the transaction that made it; later, money alone leaves.
    function breedAndBury(uint256 value, address payable heir) external {
        Child child = new Child{value: value}(1);
        child.leave(heir);
        emit Born(address(child), address(child).code.length);
    }

    function send(address payable to, uint256 value) external {
        (bool done,) = to.call{value: value}("");
        emit Noted(to, bytes32(uint256(done ? 1 : 0)), "");
    }

    // EIP-1153, EIP-5656, EIP-7939.
    function modern(uint256 value) external returns (uint256 leading, uint256 held) {
        assembly {
            tstore(value, value)
            held := tload(value)
            mstore(0, value)
            mcopy(32, 0, 32)
            leading := clz(mload(32))
        }
        emit Stored(leading, held);
    }

    function precompiles(bytes calldata data) external {
        emit Noted(address(this), sha256(data), abi.encodePacked(ripemd160(data)));
        bytes memory modexp = abi.encodePacked(uint256(1), uint256(1), uint256(1), hex"03", hex"05", hex"07");
        (bool done, bytes memory said) = address(5).staticcall(modexp);
        emit Noted(address(5), bytes32(uint256(done ? 1 : 0)), said);
        // EIP-7951: nothing comes back of a signature that is none.
        (done, said) = address(0x100).staticcall(new bytes(160));
        emit Noted(address(0x100), bytes32(uint256(done ? 1 : 0)), said);
        emit Stored(uint256(uint160(ecrecover(keccak256(data), 27, bytes32(uint256(1)), bytes32(uint256(1))))), data.length);
    }

    function surroundings() external view returns (uint256, address, uint256, uint256, uint256) {
        return (block.number, block.coinbase, block.gaslimit, block.chainid, block.blobbasefee);
    }

    function setMark(bytes32 value) external payable {
        mark = value;
        emit Noted(address(this), value, "");
    }
}
