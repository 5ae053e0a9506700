package org.apache.spark.examples;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * The example by its usual name: the jar of Spark's examples is not among what PyPI and Maven have. Two arguments are ours:
 * `until FILE` goes on until there is the file, idle, `once FILE` fails where it is not, and makes it.
 */
public final class SparkPi {
  public static void main(String[] arguments) throws Exception {
    String how = arguments.length == 2 ? arguments[0] : "";
    Path file = Path.of(arguments.length == 2 ? arguments[1] : "/");
    try (JavaSparkContext context = new JavaSparkContext(new SparkConf().setAppName("Spark Pi"))) {
      System.out.println("Pi is roughly " + estimate(context));
      while (how.equals("until") && !Files.exists(file)) Thread.sleep(500);
      if (how.equals("once") && !Files.exists(file)) {
        Files.createFile(file);
        throw new IllegalStateException("failing once");
      }
    }
  }

  private static double estimate(JavaSparkContext context) {
    int slices = 2;
    int points = 100_000 * slices;
    List<Integer> numbers = IntStream.range(0, points).boxed().collect(Collectors.toList());
    long inside = context.parallelize(numbers, slices).filter(number -> {
      double x = Math.random() * 2 - 1;
      double y = Math.random() * 2 - 1;
      return x * x + y * y <= 1;
    }).count();
    return 4.0 * inside / points;
  }
}
