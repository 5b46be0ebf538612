/** An error that ends the command. The message is one line and says what to do; `exitCode` is the exit code of the process. */
export class WorkbenchError extends Error {
  readonly exitCode: number
  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
    this.name = new.target.name
  }
}

/** The request cannot be met: a bad flag, an empty corpus, an unwritable file. Nothing was written. */
export class UsageError extends WorkbenchError {
  constructor(message: string) {
    super(2, message)
  }
}

/** A subject gave a wrong result, failed, or did not end in time. */
export class SubjectError extends WorkbenchError {
  constructor(message: string) {
    super(1, message)
  }
}

/** The user pressed Ctrl-C (130) or the process was asked to end (143). All workers are stopped when this is thrown. */
export class InterruptedError extends WorkbenchError {
  readonly signal: NodeJS.Signals
  constructor(signal: NodeJS.Signals = 'SIGINT', state = 'the workers are stopped, nothing was written') {
    super(signal === 'SIGTERM' ? 143 : 130, `interrupted: ${state}`)
    this.signal = signal
  }

  /** This interrupt, with a message that says what was kept. */
  having(state: string): InterruptedError {
    return new InterruptedError(this.signal, state)
  }
}
