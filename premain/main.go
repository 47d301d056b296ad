// Command premain is Caisson's guest agent: the first program inside every enclave.
package main

func main() {}
