#!/usr/bin/env node
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { coordinatorCommand } from './commands/coordinator.ts'
import { demoCommand } from './commands/demo.ts'
import { managerCommand } from './commands/manager.ts'
import { serverCommand } from './commands/server.ts'
import { complain } from './complain.ts'

await yargs(hideBin(process.argv))
  .scriptName('catenary')
  .usage('$0 <command>\n\nA key-value store replicated along a chain: linearizable reads from every replica.')
  .command(demoCommand)
  .command(coordinatorCommand)
  .command(serverCommand)
  .command(managerCommand)
  .env('CATENARY')
  .config('config', 'A JSON file with any of the options; flags and environment (CATENARY_...) come first')
  .completion('completion', 'Print a completion script for bash or zsh')
  .demandCommand(1, 'Which command? Begin with `catenary demo`, or see --help.')
  .recommendCommands()
  .strict()
  .alias('h', 'help')
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .fail((message, error, usage) => complain(message, error, usage))
  .parseAsync()
