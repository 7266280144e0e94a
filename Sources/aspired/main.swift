import AspiredCLI

await AspiredCommand.main()
