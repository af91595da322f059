' SPDX-License-Identifier: GPL-3.0-or-later
' Put before licensing.vbs by tests/cli/licensing_wine.sh, with GetObject(...) replaced by New FakeWmi.
' One row answers every query. The environment says what is in it:
'   FAKE_ROWS=0       no row            FAKE_RAISE=query|install  what fails (0x80041002, 0xC004F050)
'   FAKE_VALUE        value of every property      FAKE_RECORD  file that gets queries and calls
Function Env(name)
	Env = CreateObject("WScript.Shell").ExpandEnvironmentStrings("%" & name & "%")
End Function

Sub Record(line)
	Dim file
	Set file = CreateObject("Scripting.FileSystemObject").OpenTextFile(Env("FAKE_RECORD"), 8, True)
	file.WriteLine line
	file.Close
End Sub

Class FakeRow
	Public Property Get LicenseStatus
		LicenseStatus = CLng(Env("FAKE_VALUE"))
	End Property
	Public Property Get GracePeriodRemaining
		GracePeriodRemaining = CLng(Env("FAKE_VALUE"))
	End Property
	Public Property Get RemainingWindowsReArmCount
		RemainingWindowsReArmCount = CLng(Env("FAKE_VALUE"))
	End Property
	Public Property Get LastBootUpTime
		LastBootUpTime = Env("FAKE_VALUE")
	End Property
	Public Property Get UserName
		UserName = Null
		If Env("FAKE_VALUE") <> "" Then UserName = Env("FAKE_VALUE")
		If Env("FAKE_VALUE") = "null" Then UserName = Null
	End Property
	Public Sub InstallProductKey(key)
		Record "InstallProductKey " & key
		If Env("FAKE_RAISE") = "install" Then Err.Raise &HC004F050
	End Sub
	Public Sub RefreshLicenseStatus
		Record "RefreshLicenseStatus"
	End Sub
End Class

Class FakeWmi
	Public Function ExecQuery(query)
		Dim rows
		Record query
		If Env("FAKE_RAISE") = "query" Then Err.Raise &H80041002
		Set rows = CreateObject("Scripting.Dictionary")
		If Env("FAKE_ROWS") <> "0" Then rows.Add New FakeRow, 1
		Set ExecQuery = rows
	End Function
End Class
