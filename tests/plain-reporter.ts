/** Closes a run with one plain line, `N passed, N failed, N skipped`, for machines; prints the reason beside each skipped test. */
import type { Reporter, TestCase, TestModule } from "vitest/node";

export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    // checks that .ci/run made before the tests, such as types and lint
    const failedChecks = Number(process.env.SPIKESHIP_FAILED_CHECKS ?? 0);
    const counts = { passed: 0, failed: errors.length + failedChecks, skipped: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      // a file that cannot even be loaded holds no tests and must still count
      if (module.state() === "failed" && !tests.some(failed)) counts.failed++;
      for (const test of tests) {
        const state = test.result().state;
        if (state === "passed") counts.passed++;
        else if (state === "failed") counts.failed++;
        else {
          counts.skipped++;
          const { note } = test.result() as { note?: string };
          process.stdout.write(`skipped: ${test.fullName}${note ? ` (${note})` : ""}\n`);
        }
      }
    }
    process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  }
}

function failed(test: TestCase): boolean {
  return test.result().state === "failed";
}
