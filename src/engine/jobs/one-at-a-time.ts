/** Runs tasks in the order of their asking, each when the one before has ended, in whatever way. */
export class OneAtATime {
  #turn: Promise<void> = Promise.resolve();

  async run<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(task);
    this.#turn = turn.then(
      () => undefined,
      () => undefined,
    );
    return await turn;
  }
}
