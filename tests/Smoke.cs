using NUnit.Framework;

namespace Deat.Tests;

public sealed class Smoke
{
    [Test]
    public void Runs() => Assert.That(1 + 1, Is.EqualTo(2));
}
