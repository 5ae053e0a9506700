import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** `FOLDER write|read NAME TEXT [KEY VALUE]...`: writes a file as Spark's event log does, or reads one; then lists the folder. */
public final class Abfs {
  public static void main(String[] arguments) throws Exception {
    Configuration conf = new Configuration();
    for (int at = 4; at + 1 < arguments.length; at += 2) conf.set(arguments[at], arguments[at + 1]);
    Path folder = new Path(arguments[0]);
    Path file = new Path(folder, arguments[2]);
    try (FileSystem files = FileSystem.get(URI.create(arguments[0]), conf)) {
      if (arguments[1].equals("write")) {
        try (var out = files.create(file, true)) {
          out.write(arguments[3].getBytes(StandardCharsets.UTF_8));
          out.hflush();
        }
      }
      try (var in = files.open(file)) {
        System.out.println(new String(in.readAllBytes(), StandardCharsets.UTF_8));
      }
      for (FileStatus status : files.listStatus(folder)) System.out.println(status.getPath());
    } catch (IOException refused) {
      System.err.println(refused.getMessage());
      System.exit(1);
    }
  }
}
