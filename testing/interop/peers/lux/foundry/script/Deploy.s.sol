// SPDX-License-Identifier: MIT OR Apache-2.0
// What a project's deployment does: contracts made, called, made at an address known beforehand.
pragma solidity ^0.8.30;

import {Probe} from "../src/Probe.sol";
import {Token} from "../src/Token.sol";

interface Vm {
    function startBroadcast() external;
    function stopBroadcast() external;
}

contract Deploy {
    Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external {
        vm.startBroadcast();
        Token token = new Token("Scripted", 1_000_000);
        token.transfer(address(0xbeef), 1234);
        Probe probe = new Probe{salt: bytes32(uint256(7))}();
        probe.store(1, 2);
        payable(address(probe)).transfer(1 gwei);
        vm.stopBroadcast();
        require(token.balanceOf(address(0xbeef)) == 1234, "transferred");
    }
}
