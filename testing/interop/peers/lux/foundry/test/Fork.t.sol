// SPDX-License-Identifier: MIT OR Apache-2.0
// A Foundry project's own tests, on the state of the chain that --fork-url names.
pragma solidity ^0.8.30;

import {Probe, Child} from "../src/Probe.sol";
import {Token} from "../src/Token.sol";

interface Vm {
    function createSelectFork(string calldata url) external returns (uint256);
    function deal(address who, uint256 balance) external;
    function envAddress(string calldata name) external returns (address);
    function envString(string calldata name) external returns (string memory);
    function envUint(string calldata name) external returns (uint256);
    function expectRevert(bytes calldata data) external;
    function prank(address who) external;
    function rollFork(uint256 number) external;
    function rpc(string calldata method, string calldata params) external returns (bytes memory);
}

contract ForkTest {
    Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Token token;
    address holder;

    function setUp() public {
        token = Token(vm.envAddress("TOKEN"));
        holder = vm.envAddress("HOLDER");
    }

    function test_the_chain_is_the_one_that_was_forked() public view {
        require(block.chainid == 31337, "chain id");
        require(block.number > 0, "a block");
        require(address(token).code.length > 0, "the token's code");
        require(keccak256(bytes(token.name())) == keccak256("Forked"), "the token's name");
    }

    function test_state_of_the_fork_is_read_and_written() public {
        uint256 before = token.balanceOf(holder);
        require(before == vm.envUint("HELD"), "what the holder has");
        vm.prank(holder);
        token.transfer(address(this), 5);
        require(token.balanceOf(address(this)) == 5 && token.balanceOf(holder) == before - 5, "moved");
    }

    function test_a_revert_is_seen_with_its_data() public {
        vm.expectRevert(abi.encodeWithSelector(Token.InsufficientBalance.selector, 0, 1));
        token.transfer(holder, 1);
    }

    function test_contracts_are_made_on_the_fork() public {
        Probe probe = new Probe();
        vm.deal(address(probe), 1 ether);
        probe.breed(1, 1 ether);
        require(address(probe).balance == 0, "the child has it");
    }

    function test_an_earlier_block_is_gone_back_to() public {
        vm.rollFork(vm.envUint("BEFORE"));
        require(address(token).code.length == 0, "no token there yet");
    }

    function testFuzz_transfers_conserve_what_there_is(uint256 value) public {
        value = value % (token.balanceOf(holder) + 1);
        uint256 whole = token.balanceOf(holder) + token.balanceOf(address(this));
        vm.prank(holder);
        token.transfer(address(this), value);
        require(token.balanceOf(holder) + token.balanceOf(address(this)) == whole, "conserved");
    }
}
