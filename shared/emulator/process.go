package emulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// startTimeout bounds the start of one emulator. It takes 1 to 2 s, and many
// times that where all test binaries of a module start one on two cores.
const startTimeout = time.Minute

// errPortTaken says that the port was free when asked for, but not when bound.
var errPortTaken = errors.New("the port was taken meanwhile")

// supervise runs the emulator ("$@", a script that starts Java) and kills the
// whole process group when the emulator ends or when standard input does. The
// test binary holds the other end of that pipe, so the emulator cannot survive
// it, not even when the binary is killed.
const supervise = `( "$@" </dev/null; kill -KILL 0 ) & read -r _; kill -KILL 0`

// A process is a running emulator.
type process struct {
	address string
	command *exec.Cmd
	leash   io.Closer // the emulator dies when it is closed
}

// start starts an emulator on a free port of the loopback interface and waits
// until it serves. The error is errPortTaken, wrapped, when another port may
// help.
func start(ctx context.Context, program string, args []string, ready string) (*process, error) {
	host, port, err := freePort()
	if err != nil {
		return nil, err
	}
	command := exec.Command("sh", "-c", supervise, "sh", program)
	command.Args = append(command.Args, args...)
	// The Pub/Sub emulator knows no other form than --name=value.
	command.Args = append(command.Args, "--host="+host, "--port="+port)
	ownGroup(command)
	leash, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	// Not our own standard output: "go test" would wait for its last holder.
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("running %s: %w", program, err)
	}
	p := &process{address: net.JoinHostPort(host, port), command: command, leash: leash}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := awaitLine(ctx, output, ready); err != nil {
		p.stop()
		return nil, err
	}
	if err := awaitHTTP(ctx, p.address); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// stop kills the emulator and waits for its end.
func (p *process) stop() {
	p.leash.Close()
	// It says "killed", which is what was asked for.
	_ = p.command.Wait()
}

func freePort() (host, port string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer listener.Close()
	return net.SplitHostPort(listener.Addr().String())
}

// awaitLine reads the emulator's output until it says that it serves. Whether a
// port answers would not do: it may be somebody else's, and the Pub/Sub emulator
// lives on without its port. The rest of the output is read and dropped, lest
// the emulator blocks on it.
func awaitLine(ctx context.Context, output io.Reader, ready string) error {
	found := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(output)
		var said []string
		for lines.Scan() {
			switch line := lines.Text(); {
			case strings.Contains(line, ready):
				found <- nil
				_, _ = io.Copy(io.Discard, output)
				return
			case strings.Contains(line, "Address already in use"):
				found <- errPortTaken
				_, _ = io.Copy(io.Discard, output)
				return
			default:
				said = append(said, line)
			}
		}
		found <- fmt.Errorf("it ended at once, saying: %s", strings.Join(said, "\n"))
	}()
	select {
	case err := <-found:
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting until it serves: %w", ctx.Err())
	}
}

// awaitHTTP asks the emulator until it answers 200.
func awaitHTTP(ctx context.Context, address string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("it answers %s", response.Status)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting until it answers: %w", err)
		}
	}
}
